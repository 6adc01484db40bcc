// Answers cases read from stdin with the npm package `standardwebhooks`.
const { readFileSync } = require("node:fs");
const { createRequire } = require("node:module");
// The package lies in the working directory, not beside this file.
const { Webhook, WebhookVerificationError } = createRequire(`${process.cwd()}/`)("standardwebhooks");

function answer({ secret, id, timestamp, body, signature }) {
  const webhook = new Webhook(secret);
  if (signature === null) return webhook.sign(id, new Date(Number(timestamp) * 1000), body);
  const headers = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature };
  try {
    webhook.verify(Buffer.from(body), headers);
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error;
    return "refused";
  }
  return "verified";
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(answer)));
