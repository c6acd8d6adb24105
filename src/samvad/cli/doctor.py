"""`samvad doctor`."""

import click

from samvad.cli import checks, say
from samvad.cli.site import Site, running_site, with_site


@click.command()
@click.option("--json", "json_", is_flag=True, help="Print the findings as JSON.")
@with_site(show_ports=True)
def doctor(site: Site, json_: bool) -> int:
    """Check ports, limits, disk, clock and codecs; for what is not right, say the mend.

    The exit status is 0 when everything is right.
    """
    findings = checks.every(site, running=running_site(site.data) is not None)
    ok = all(f.ok for f in findings)
    if json_:
        told = [{"name": f.name, "ok": f.ok, "says": f.says, "mend": f.mend} for f in findings]
        say.as_json({"ok": ok, "checks": told})
    else:
        for finding in findings:
            mark = click.style("ok  ", fg="green") if finding.ok else click.style("no  ", bold=True)
            click.echo(f"{mark}{finding.name:<12}  {finding.says}")
            if finding.mend:
                click.echo(f"{'':<18}{finding.mend}")
    return 0 if ok else 1
