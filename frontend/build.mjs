// Builds src/ into ../src/samvad/assets: content-hashed names and manifest.json.
import { build } from "esbuild";
import { watch } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const out = join(here, "../src/samvad/assets");
const entries = [
  "src/event/event.ts",
  "src/studio/studio.ts",
  "src/console/console.ts",
  "src/site.ts",
  "src/passkey.ts",
  "src/push-worker.ts",
  "src/css/site.css",
  "src/css/event.css",
  "src/css/studio.css",
  "src/css/console.css",
  // Of the proof of work: a worker is a script of its own.
  "node_modules/altcha/dist/workers/pbkdf2.js",
];
// Whose texts must go along with what is built in (Apache-2.0, MIT, SIL OFL 1.1).
const licensed = [
  "hls.js",
  "altcha",
  "htmx.org",
  "uplot",
  "@fontsource/noto-sans",
  "@fontsource/noto-sans-gujarati",
  "@fontsource/noto-sans-devanagari",
];
// A page that is open, or was rendered just before an upgrade, may still ask for an older file.
const KEEP_OLDER_FOR_MS = 24 * 3600 * 1000;

const options = {
  absWorkingDir: here,
  outdir: out,
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  bundle: true,
  // A chunk is what is imported later, by import(): hls.js, and the proof of work.
  splitting: true,
  format: "esm",
  minify: true,
  metafile: true,
  charset: "utf8",
  legalComments: "none",
  loader: { ".woff2": "file" },
  target: ["chrome107", "edge107", "firefox106", "safari16"],
  logLevel: "warning",
};

async function everything() {
  await mkdir(out, { recursive: true });
  // Each script is built alone: what two of them share is in both, so that a page asks for one
  // file, and the crowd's page does not carry the studio's words.
  const built = await Promise.all(
    entries.map((entry) => build({ ...options, entryPoints: [entry] })),
  );
  const outputs = Object.assign({}, ...built.map((one) => one.metafile.outputs));
  const names = {};
  for (const [path, output] of Object.entries(outputs)) {
    const source = output.entryPoint ?? onlyFont(output);
    if (source) names[basename(source).replace(/\.ts$/, ".js")] = basename(path);
  }
  names["licences.txt"] = await hashed("licences", ".txt", await licences());
  names["icon.svg"] = await hashed("icon", ".svg", await readFile(join(here, "src/icon.svg")));
  await Promise.all(Object.values(names).filter(packable).map(packed));
  const sorted = Object.fromEntries(Object.entries(names).sort());
  // Last and whole: a server that starts in mid-build finds the old one or the new one.
  await writeFile(join(out, "manifest.json.new"), JSON.stringify(sorted, null, 1) + "\n");
  await rename(join(out, "manifest.json.new"), join(out, "manifest.json"));
  await sweep(
    new Set([...Object.keys(outputs).map((path) => basename(path)), ...Object.values(names)]),
  );
}

// The site's files come packed from disk; the gates pack for themselves.
function packable(file) {
  return /\.(js|css|svg|txt)$/.test(file);
}

async function packed(file) {
  const content = await readFile(join(out, file));
  await writeFile(join(out, `${file}.gz`), gzipSync(content, { level: 9 }));
}

function onlyFont(output) {
  const inputs = Object.keys(output.inputs);
  return inputs.length === 1 && inputs[0].endsWith(".woff2") ? inputs[0] : undefined;
}

async function licences() {
  const texts = [];
  for (const name of licensed) {
    const folder = join(here, "node_modules", name);
    const about = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).find((one) => one.startsWith("LICENSE"));
    texts.push(`${name} ${about.version}\n\n${await readFile(join(folder, file), "utf8")}`);
  }
  return texts.join(`\n${"-".repeat(78)}\n\n`);
}

async function hashed(name, ending, content) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 8).toUpperCase();
  const file = `${name}-${hash}${ending}`;
  await writeFile(join(out, file), content);
  return file;
}

async function sweep(files) {
  for (const name of await readdir(out)) {
    if (name === "manifest.json" || files.has(name.replace(/\.gz$/, ""))) continue;
    const path = join(out, name);
    if (Date.now() - (await stat(path)).mtimeMs > KEEP_OLDER_FOR_MS) await rm(path);
  }
}

await everything();
if (process.argv.includes("--watch")) {
  let timer;
  watch(join(here, "src"), { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(() => everything().catch(() => undefined), 100);
  });
}
