// Runs the page's snippet over cases read from stdin, and prints one code for each.
import { readFileSync } from "node:fs";
import { verify } from "./verify.mjs";

for (const { secret, headers, body, now } of JSON.parse(readFileSync(0, "utf8")))
  console.log(verify(secret, headers, Buffer.from(body, "hex"), now));
