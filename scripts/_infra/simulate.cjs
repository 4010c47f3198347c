// Reads questions from standard input and writes one answer each, from the IAM simulation of the
// npm package.
const { createRequire } = require("module");
// The package is installed in another folder, and resolves by name only from there.
const { runSimulation } = createRequire(`${process.argv[2]}/here.js`)("@cloud-copilot/iam-simulate");

async function main() {
  const { account, roles, policies, resourcePolicies, questions } = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const answers = [];
  for (const { by, service, action, resource, context } of questions) {
    const result = await runSimulation(
      {
        request: {
          principal: service ?? roles[by] ?? `arn:aws:iam::${account}:role/${by}`,
          action,
          resource: { resource, accountId: account },
          contextVariables: context,
        },
        // A service has no policies of its own.
        identityPolicies: service ? [] : [{ name: by, policy: JSON.parse(policies[by]) }],
        resourcePolicy: resource in resourcePolicies ? JSON.parse(resourcePolicies[resource]) : undefined,
        serviceControlPolicies: [],
        resourceControlPolicies: [],
      },
      {},
    );
    const decision = result.overallResult ?? result.analysis?.result;
    const error = decision === undefined ? JSON.stringify(result.errors ?? result) : null;
    answers.push({ allowed: decision === "Allowed", error });
  }
  process.stdout.write(JSON.stringify(answers));
}

main();
