// The .proto files that the interop tests share.
'use strict';

const path = require('path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const root = path.resolve(__dirname, '../../..');
const includeDirs = ['tests/Interop/protos', 'src/Grpc/Health', 'src/Grpc/Reflection', 'src/Grpc/RichStatus'].map((folder) => path.join(root, folder));
const files = ['interop.proto', 'health.proto', 'grpc/reflection/v1/reflection.proto', 'google/rpc/status.proto', 'google/rpc/error_details.proto'];
const options = { includeDirs, keepCase: true, defaults: true };
const definition = loader.loadSync(files, options);
const loaded = grpc.loadPackageDefinition(definition);

module.exports = {
  testing: loaded.grpc.testing,
  health: loaded.grpc.health.v1,
  reflection: loaded.grpc.reflection.v1,
  // A message of google.rpc by its name: { encode(object), decode(bytes) }.
  rpc: (name) => ({ encode: definition[`google.rpc.${name}`].serialize, decode: definition[`google.rpc.${name}`].deserialize }),
  // The services of serialized file descriptors.
  fromDescriptors: (serialized) => grpc.loadPackageDefinition(loader.loadFileDescriptorSetFromObject(
    { file: serialized.map((bytes) => require('protobufjs/ext/descriptor').FileDescriptorProto.decode(bytes)) }, { keepCase: true, defaults: true })),
};
