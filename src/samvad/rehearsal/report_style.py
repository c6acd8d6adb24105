"""The report's style sheet: paper and ink, a darkened studio at night; nothing from elsewhere."""

STYLE = """
:root{--paper:#fbfaf7;--ink:#1f1d1a;--soft:#5d5850;--hair:#ddd7cc;--kept:#1d6b45;--broken:#8a4b00;
--a:#274b8f;--b:#8b8378;--c:#1d7a6f;--d:#9a5b12;--attack:#e4b9a5;--phase:#efebe2;--rung:#9a86cf;
color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--paper:#191816;--ink:#ece7dd;--soft:#aaa294;--hair:#3a3732;
--kept:#7ccfa3;--broken:#f0b266;--a:#9dbcf5;--b:#8f887c;--c:#79cfc3;--d:#e0a866;--attack:#5b3527;
--phase:#24221f;--rung:#8f7cc4}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.6 "Noto Sans",system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:784px;margin:0 auto;padding:24px 16px 64px}
.brand{color:var(--soft);margin:0 0 8px;font-size:14px}
h1{font-size:clamp(28px,6vw,44px);line-height:1.15;margin:0 0 12px}
h1.kept{color:var(--kept)}h1.broken{color:var(--broken)}
h2{font-size:18px;margin:0 0 4px}
.lead{font-size:17px;color:var(--soft);margin:0 0 12px}
.why{font-size:19px;margin:0 0 16px;padding-left:1.1em}p.why{padding:0}
.why li{margin:4px 0}
.tiles{list-style:none;display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));
gap:16px;padding:16px 0;margin:0 0 16px;border-block:1px solid var(--hair)}
.tiles li{color:var(--soft);font-size:14px;line-height:1.4}
.tiles b{display:block;color:var(--ink);font-size:26px;line-height:1.2;font-weight:600;
font-variant-numeric:tabular-nums}
section{margin:32px 0}section p{margin:0 0 8px;color:var(--soft);font-size:14px}
table{border-collapse:collapse;width:100%;font-size:15px}
td,th{text-align:left;vertical-align:top;padding:6px 12px 6px 0;border-bottom:1px solid var(--hair);
font-weight:400}
th{color:var(--soft);white-space:nowrap}
tr.kept td:first-child{color:var(--kept)}tr.broken td:first-child{color:var(--broken)}
tr.broken td{font-weight:600}
.figures td{font-variant-numeric:tabular-nums}
svg{width:100%;height:auto;display:block}
.grid{stroke:var(--hair)}.tick,.phase{fill:var(--soft);font-size:11px;
font-family:inherit}.phase{fill:var(--ink);opacity:.75}
.line{fill:none;stroke-width:1.8;stroke-linejoin:round}
.line.a{stroke:var(--a)}.line.b{stroke:var(--b)}.line.c{stroke:var(--c)}.line.d{stroke:var(--d)}
.area{opacity:.16}.area.a{fill:var(--a)}.area.c{fill:var(--c)}
.shade.phase{fill:var(--phase);stroke:var(--hair);stroke-width:.5}
.shade.attack{fill:var(--attack);opacity:.4}.shade.rung{fill:var(--rung)}
.bar{fill:var(--c)}.dot{fill:var(--a);opacity:.6}
.mark{stroke:var(--d);stroke-dasharray:4 3;stroke-width:1.4}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px}
.key::before{content:"";display:inline-block;width:14px;height:3px;margin-right:6px;
vertical-align:middle;background:currentColor}
.key.a::before{background:var(--a)}.key.b::before{background:var(--b)}
.key.c::before{background:var(--c)}.key.d::before{background:var(--d)}
.key.attack::before{background:var(--attack);height:10px}
.key.rung::before{background:var(--rung);height:10px}
.none{font-style:italic}
@media(max-width:520px){th{white-space:normal}td,th{padding-right:8px}}
@media print{body{background:none}}
""".strip()
