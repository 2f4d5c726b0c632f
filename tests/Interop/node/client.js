// A client on @grpc/grpc-js that runs gRPC's interop test cases, by the names and figures of their specification, and some beyond it, against the C# server.
//
// Usage: client.js HOST:PORT. Prints the names of its cases on the first line; then each line of its standard input names a case, and is answered by
// "PASS CASE", or "FAIL CASE" and what went wrong.
'use strict';

const assert = require('assert');
const readline = require('readline');
const grpc = require('@grpc/grpc-js');
const { testing, health, reflection, rpc, fromDescriptors } = require('./protos');

const address = process.argv[2];
const PATIENCE_MS = 30_000;
const RESPONSE = 314159;
const REQUEST = 271828;
const TURNS = [[31415, 27182], [9, 8], [2653, 1828], [58979, 45904]];
const SPECIAL = '\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \u{1f608}\t\n';
const INITIAL = 'x-grpc-test-echo-initial';
const TRAILING = 'x-grpc-test-echo-trailing-bin';
const NO_COMPRESS = 2; // As a write's second argument: gRPC's flag that leaves a message plain.
const YES = { value: true };
const NO = { value: false };

const connect = (Client, options = {}) => new Client(address, grpc.credentials.createInsecure(), options);
const stub = connect(testing.TestService);
const gzipStub = connect(testing.TestService, { 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip });
const late = () => ({ deadline: Date.now() + PATIENCE_MS });
const payload = (size) => ({ body: Buffer.alloc(size) });
const large = (more = {}) => ({ response_size: RESPONSE, payload: payload(REQUEST), ...more });
const turn = (response, request) => ({ response_parameters: [{ size: response }], payload: payload(request) });

// One call with one response: its response, and the metadata of its beginning and its end.
function unary(client, method, request, metadata = new grpc.Metadata()) {
  return new Promise((resolve, reject) => {
    const seen = {};
    const call = client[method](request, metadata, late(), (error, response) => (error ? reject(error) : Object.assign(seen, { response })));
    call.on('metadata', (initial) => { seen.initial = initial; });
    call.on('status', ({ code, metadata: trailers }) => { if (code === grpc.status.OK) resolve(Object.assign(seen, { trailers })); });
  });
}

async function simple(client, request) {
  const { response } = await unary(client, 'UnaryCall', request);
  assert.deepStrictEqual(response.payload.body, Buffer.alloc(request.response_size));
}

// A call that streams its requests, answered once.
function streamIn(client, write) {
  return new Promise((resolve, reject) => {
    const call = client.StreamingInputCall(new grpc.Metadata(), late(), (error, response) => (error ? reject(error) : resolve(response.aggregated_payload_size)));
    write(call);
  });
}

// A call that streams its responses, read one by one.
class Responses {
  constructor(call) {
    this.call = call;
    this.messages = [];
    this.waiting = null;
    this.ended = null;
    call.on('metadata', (initial) => { this.initial = initial; });
    call.on('data', (message) => { this.messages.push(message); this.wake(); });
    call.on('error', (error) => { this.ended = { error }; this.wake(); });
    call.on('status', ({ code, metadata }) => { if (code === grpc.status.OK) { this.ended = { trailers: metadata }; this.wake(); } });
  }

  wake() {
    if (this.waiting) this.waiting();
    this.waiting = null;
  }

  // The next response; null at the end.
  async next() {
    while (this.messages.length === 0 && !this.ended) await new Promise((resolve) => { this.waiting = resolve; });
    if (this.messages.length > 0) return this.messages.shift();
    if (this.ended.error) throw this.ended.error;
    return null;
  }

  async turn(response, request) {
    this.call.write(turn(response, request));
    assert.strictEqual((await this.next()).payload.body.length, response);
  }

  async complete() {
    this.call.end();
    assert.strictEqual(await this.next(), null);
  }
}

const duplex = (metadata = new grpc.Metadata(), options = late()) => new Responses(stub.FullDuplexCall(metadata, options));

async function fails(code, action) {
  try {
    await action();
  } catch (error) {
    assert.strictEqual(error.code, code, error.stack);
    return error;
  }
  throw new Error(`expected status ${code}, but the call succeeded`);
}

async function statusComesBack(message) {
  const asked = { code: grpc.status.UNKNOWN, message };
  const error = await fails(grpc.status.UNKNOWN, () => unary(stub, 'UnaryCall', { response_status: asked }));
  assert.strictEqual(error.details, message);
  const call = duplex();
  call.call.write({ response_status: asked });
  call.call.end();
  assert.strictEqual((await fails(grpc.status.UNKNOWN, () => call.next())).details, message);
}

async function metadataComesBack(text, ...values) {
  const metadata = new grpc.Metadata();
  metadata.add(INITIAL, text);
  for (const value of values) metadata.add(TRAILING, Buffer.from(value));
  const check = (initial, trailers) => {
    assert.deepStrictEqual(initial.get(INITIAL), [text]);
    assert.deepStrictEqual(trailers.get(TRAILING), values.map((value) => Buffer.from(value)));
  };
  const { initial, trailers } = await unary(stub, 'UnaryCall', large(), metadata);
  check(initial, trailers);
  const call = duplex(metadata);
  await call.turn(RESPONSE, REQUEST);
  await call.complete();
  check(call.initial, call.ended.trailers);
}

const cases = {
  empty_unary: async () => assert.deepStrictEqual((await unary(stub, 'EmptyCall', {})).response, {}),
  large_unary: () => simple(stub, large()),
  client_streaming: async () => assert.strictEqual(await streamIn(stub, (call) => {
    for (const size of [27182, 8, 1828, 45904]) call.write({ payload: payload(size) });
    call.end();
  }), 74922),
  server_streaming: async () => {
    const sizes = [31415, 9, 2653, 58979];
    const call = new Responses(stub.StreamingOutputCall({ response_parameters: sizes.map((size) => ({ size })) }, late()));
    for (const size of sizes) assert.strictEqual((await call.next()).payload.body.length, size);
    assert.strictEqual(await call.next(), null);
  },
  ping_pong: async () => {
    const call = duplex();
    for (const [response, request] of TURNS) await call.turn(response, request);
    await call.complete();
  },
  empty_stream: () => duplex().complete(),
  cancel_after_begin: () => fails(grpc.status.CANCELLED, () => streamIn(stub, (call) => call.cancel())),
  cancel_after_first_response: async () => {
    const call = duplex();
    await call.turn(31415, 27182);
    call.call.cancel();
    await fails(grpc.status.CANCELLED, () => call.next());
  },
  timeout_on_sleeping_server: async () => {
    const call = duplex(new grpc.Metadata(), { deadline: Date.now() + 1 });
    call.call.write({ payload: payload(27182) });
    await fails(grpc.status.DEADLINE_EXCEEDED, () => call.next());
  },
  status_code_and_message: () => statusComesBack('test status message'),
  special_status_message: () => statusComesBack(SPECIAL),
  unimplemented_method: () => fails(grpc.status.UNIMPLEMENTED, () => unary(stub, 'UnimplementedCall', {})),
  unimplemented_service: () => fails(grpc.status.UNIMPLEMENTED, () => unary(connect(testing.UnimplementedService), 'UnimplementedCall', {})),
  custom_metadata: () => metadataComesBack('test_initial_metadata_value', [0xab, 0xab, 0xab]),
  binary_metadata: async () => {
    await metadataComesBack('plain, with comma', Array.from({ length: 256 }, (_, i) => i));
    await metadataComesBack('plain, with comma', []);
  },
  repeated_binary_metadata: () => metadataComesBack('x', [1, 2], [], [0]),
  client_compressed_unary: async () => {
    await fails(grpc.status.INVALID_ARGUMENT, () => simple(stub, large({ expect_compressed: YES })));
    await simple(gzipStub, large({ expect_compressed: YES }));
    await simple(stub, large({ expect_compressed: NO }));
  },
  client_compressed_streaming: async () => {
    await fails(grpc.status.INVALID_ARGUMENT, () => streamIn(stub, (call) => call.write({ payload: payload(27182), expect_compressed: YES })));
    assert.strictEqual(await streamIn(gzipStub, (call) => {
      // Before version 20, Node takes a write's second argument for the name of an encoding; what the library makes of it is behind that check.
      call.write({ payload: payload(27182), expect_compressed: YES }, () =>
        call._write({ payload: payload(45904), expect_compressed: NO }, NO_COMPRESS, () => call.end()));
    }), 73086);
  },
  server_compressed_unary: async () => {
    for (const response_compressed of [YES, NO]) await simple(stub, large({ response_compressed }));
  },
  server_compressed_streaming: async () => {
    const call = new Responses(stub.StreamingOutputCall({ response_parameters: [{ size: 31415, compressed: YES }, { size: 92653, compressed: NO }] }, late()));
    for (const size of [31415, 92653]) assert.deepStrictEqual((await call.next()).payload.body, Buffer.alloc(size));
    assert.strictEqual(await call.next(), null);
  },
  rich_error_details: async () => {
    const detail = rpc('BadRequest').encode({ field_violations: [{ field: 'rate', description: 'must be positive' }] });
    const sent = { code: grpc.status.INVALID_ARGUMENT, message: "the rate isn't positive: \u22121", details: [{ type_url: 'type.googleapis.com/google.rpc.BadRequest', value: detail }] };
    const metadata = new grpc.Metadata();
    metadata.add('x-test-details-bin', rpc('Status').encode(sent));
    const error = await fails(grpc.status.INVALID_ARGUMENT, () => unary(stub, 'UnaryCall', { response_status: { code: sent.code, message: sent.message } }, metadata));
    assert.strictEqual(error.details, sent.message);
    const received = rpc('Status').decode(error.metadata.get('grpc-status-details-bin')[0]);
    assert.strictEqual(rpc('BadRequest').decode(received.details[0].value).field_violations[0].field, 'rate');
  },
  health_check: async () => {
    const client = connect(health.Health);
    const request = { service: 'grpc.testing.TestService' };
    const serving = (await unary(client, 'Check', request)).response;
    await fails(grpc.status.NOT_FOUND, () => unary(client, 'Check', { service: 'no.such.Service' }));
    const watch = new Responses(client.Watch(request, late()));
    assert.deepStrictEqual(await watch.next(), serving);
    watch.call.cancel();
    await fails(grpc.status.CANCELLED, () => watch.next());
  },
  // Calls the service by what the server says of it, and nothing else.
  reflection: async () => {
    const ask = new Responses(connect(reflection.ServerReflection).ServerReflectionInfo(late()));
    ask.call.write({ list_services: '*' });
    const listed = (await ask.next()).list_services_response.service.map(({ name }) => name);
    assert(listed.includes('grpc.testing.TestService'), listed.join());
    ask.call.write({ file_containing_symbol: 'grpc.testing.TestService' });
    const files = (await ask.next()).file_descriptor_response.file_descriptor_proto;
    await ask.complete();
    await simple(connect(fromDescriptors(files).grpc.testing.TestService), { response_size: 9 });
  },
};

async function main() {
  console.log(Object.keys(cases).join(' '));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    try {
      await cases[line]();
      console.log(`PASS ${line}`);
    } catch (error) {
      console.log(`FAIL ${line} ${JSON.stringify(error.stack)}`);
    }
  }
  process.exit(0);
}

main();
