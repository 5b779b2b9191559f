// Cuts GitHub's API description to the requests that Backsight sends, and writes it for Prism.
//
//     node description.mjs FILE
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const used = {
  "/user": ["get"],
  "/repos/{owner}/{repo}/issues/{issue_number}/comments": ["get", "post"],
  "/repos/{owner}/{repo}/issues/comments/{comment_id}": ["patch", "delete"],
  "/repos/{owner}/{repo}/check-runs": ["post"],
  "/repos/{owner}/{repo}/check-runs/{check_run_id}": ["patch"],
  "/repos/{owner}/{repo}/statuses/{sha}": ["post"],
  "/repos/{owner}/{repo}/pulls": ["get"],
  "/repos/{owner}/{repo}/commits/{commit_sha}/pulls": ["get"],
};

const require = createRequire(import.meta.url);
const whole = JSON.parse(readFileSync(require.resolve("@octokit/openapi/generated/api.github.com.deref.json"), "utf8"));
const paths = {};
for (const [path, methods] of Object.entries(used)) {
  paths[path] = {};
  for (const method of methods) {
    const operation = whole.paths[path]?.[method];
    if (!operation) throw new Error(`GitHub's description has no ${method} ${path}`);
    for (const response of Object.values(operation.responses)) {
      // GitHub answers to its own media type, which its description does not list.
      const json = response.content?.["application/json"];
      if (json) response.content["application/vnd.github+json"] = json;
    }
    paths[path][method] = operation;
  }
}
writeFileSync(process.argv[2], JSON.stringify({ openapi: whole.openapi, info: whole.info, paths }));
