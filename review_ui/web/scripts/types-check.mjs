// Whether src/api/schema.ts is what `npm run types` makes of openapi.json.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = mkdtempSync(join(tmpdir(), "dlf-types-"));
try {
  const made = join(folder, "schema.ts");
  execFileSync("npx", ["openapi-typescript", "openapi.json", "--output", made, "--alphabetize"], { stdio: "pipe" });
  if (readFileSync(made, "utf8") !== readFileSync("src/api/schema.ts", "utf8")) {
    console.error("src/api/schema.ts is not what openapi.json says: run `npm run types`");
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
