// Writes package-lock.json so that it serves every machine: `node scripts/lock.mjs` after a change of package.json.
//
// npm locks optional packages of other systems only where the registry at hand has them, and `npm ci` refuses a lock file
// without them. Here each is entered by its exact version. Addresses are left out: the registry is that of who installs.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";

const FILE = "package-lock.json";
const SYSTEMS = [
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
  "wasm32",
  "wasi",
];
const CPUS = {
  arm64: "arm64",
  x64: "x64",
  ia32: "ia32",
  arm: "arm",
  s390x: "s390x",
  ppc64: "ppc64",
  riscv64: "riscv64",
  wasm32: "wasm32",
};

rmSync(FILE, { force: true });
execFileSync("npm", ["install", "--package-lock-only", "--ignore-scripts"], { stdio: "inherit" });
const lock = JSON.parse(readFileSync(FILE, "utf8"));
for (const [path, entry] of Object.entries(lock.packages)) {
  delete entry.resolved;
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`;
    if (path === "" || lock.packages[place] !== undefined || !/^\d/.test(version)) continue;
    const words = name.split(/[-/]/);
    const os = SYSTEMS.find((word) => words.includes(word));
    if (os === undefined) continue;
    const cpu = Object.keys(CPUS).find((word) => words.includes(word));
    const about = { version, optional: true, ...(entry.dev ? { dev: true } : {}) };
    lock.packages[place] = {
      ...about,
      ...(cpu ? { cpu: [CPUS[cpu]] } : {}),
      os: [os === "wasm32" || os === "wasi" ? "wasi" : os],
    };
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([one], [other]) => (one < other ? -1 : 1)));
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
