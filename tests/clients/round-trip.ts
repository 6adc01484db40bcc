// One stream by the generated TypeScript client: created, read, listed, cancelled. The compiler checks every name and type.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

// The types of Node.js are not needed for more than this.
declare const process: { argv: string[] };

const [, , baseUrl] = process.argv;
if (!baseUrl) throw new Error("usage: round-trip URL");
const client = createClient<paths>({ baseUrl });

const body: components["schemas"]["CreateStream"] = {
  sender: "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ",
  recipient: "GBRPYHIL2CI3FNQ4BXLFMNDLFJUNPU2HY3ZMFSHONUCEOASW7QC7OX2H",
  depositAmount: "86.4",
  ratePerSecond: "0.001",
};

function equal(actual: unknown, expected: unknown, what: string): void {
  if (actual !== expected) throw new Error(`${what}: ${String(actual)} is not ${String(expected)}`);
}

const created = await client.POST("/api/streams", { body, params: { header: { "Idempotency-Key": "typescript-1" } } });
equal(created.response.status, 201, "status of the create");
const stream = created.data;
if (!stream) throw new Error("the create has no stream");
equal(stream.depositAmount, body.depositAmount, "deposit");

const again = await client.POST("/api/streams", { body, params: { header: { "Idempotency-Key": "typescript-1" } } });
equal(again.data?.id, stream.id, "id of the repeated create");

const read = await client.GET("/api/streams/{id}", { params: { path: { id: stream.id } } });
equal(read.data?.status, "active", "status of the stream");

const page = await client.GET("/api/streams", { params: { query: { sender: body.sender, limit: 10 } } });
equal(page.data?.streams.some((listed) => listed.id === stream.id), true, "the list has the stream");

const cancelled = await client.DELETE("/api/streams/{id}", { params: { path: { id: stream.id } } });
equal(cancelled.data?.status, "cancelled", "status after the cancel");

const missing = await client.GET("/api/streams/{id}", { params: { path: { id: "01930000-0000-7000-8000-00000000ffff" } } });
equal(missing.response.status, 404, "status of a missing stream");
equal(missing.error?.error.code, "NOT_FOUND", "code of a missing stream");
