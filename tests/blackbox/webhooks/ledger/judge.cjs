// Answers requests read line by line from stdin with the npm package `standardwebhooks`: verified or refused.
const { createInterface } = require("node:readline");
const { createRequire } = require("node:module");
// The package lies in the working directory, not beside this file.
const { Webhook, WebhookVerificationError } = createRequire(`${process.cwd()}/`)("standardwebhooks");

createInterface({ input: process.stdin }).on("line", (line) => {
  const { secret, body, ...headers } = JSON.parse(line);
  try {
    new Webhook(secret).verify(Buffer.from(body), headers);
    process.stdout.write("verified\n");
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error;
    process.stdout.write(`refused: ${error.message}\n`);
  }
});
