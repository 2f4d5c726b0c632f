// A server on @grpc/grpc-js with the service of gRPC's interop test cases (see protos/interop.proto), and health beside it.
//
// Usage: server.js MESSAGE_BYTES_MAX. Prints its port on the first line and serves until its standard input closes.
'use strict';

const grpc = require('@grpc/grpc-js');
const { testing, health } = require('./protos');

const INITIAL = 'x-grpc-test-echo-initial';
const TRAILING = 'x-grpc-test-echo-trailing-bin';

// The values that the client sent under one name, under another.
function echo(call, name, as = name) {
  const metadata = new grpc.Metadata();
  for (const value of call.metadata.get(name)) metadata.add(as, value);
  return metadata;
}

// The error that was asked for, or undefined.
function asked(status, call) {
  if (!status || status.code === 0) return undefined;
  return { code: status.code, details: status.message, metadata: echo(call, 'x-test-details-bin', 'grpc-status-details-bin') };
}

const payload = (size) => ({ body: Buffer.alloc(size) });

// Writes the responses to one request; false where it asked for an error instead.
function answer(request, call) {
  const error = asked(request.response_status, call);
  if (error) {
    call.emit('error', error);
    return false;
  }
  for (const { size } of request.response_parameters) call.write({ payload: payload(size) });
  return true;
}

const service = {
  EmptyCall: (call, reply) => reply(null, {}),
  UnaryCall: (call, reply) => {
    call.sendMetadata(echo(call, INITIAL));
    const error = asked(call.request.response_status, call);
    if (error) reply(error);
    else reply(null, { payload: payload(call.request.response_size) }, echo(call, TRAILING));
  },
  StreamingInputCall: (call, reply) => {
    let bytes = 0;
    call.on('data', (request) => { bytes += request.payload.body.length; });
    call.on('end', () => reply(null, { aggregated_payload_size: bytes }));
  },
  StreamingOutputCall: (call) => {
    call.sendMetadata(echo(call, INITIAL));
    if (answer(call.request, call)) call.end(echo(call, TRAILING));
  },
  FullDuplexCall: (call) => {
    call.sendMetadata(echo(call, INITIAL));
    let open = true;
    call.on('data', (request) => { open = open && answer(request, call); });
    call.on('end', () => { if (open) call.end(echo(call, TRAILING)); });
  },
};

const status = { status: 'SERVING' };
const healthService = {
  Check: (call, reply) => (call.request.service === 'grpc.testing.TestService' ? reply(null, status) : reply({ code: grpc.status.NOT_FOUND, details: 'unknown service' })),
  Watch: (call) => { call.write(status); },
};

const server = new grpc.Server({ 'grpc.max_receive_message_length': Number(process.argv[2]) });
server.addService(testing.TestService.service, service);
server.addService(health.Health.service, healthService);
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
});
process.stdin.on('end', () => process.exit(0)).resume();
