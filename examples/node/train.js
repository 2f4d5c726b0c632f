// Trains a logistic regression on a running server; of DistSgd's it has nothing but the .proto files.
//
//     distsgd server --listen 127.0.0.1:7070
//     npm ci --prefix examples/node && node examples/node/train.js 127.0.0.1:7070
//
// The program computes gradients, the server holds the parameters and runs the update rule. docs/clients.md tells what each call means.
'use strict';

const crypto = require('crypto');
const path = require('path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const CALL_MS = 10_000;
const RETRY_MS = 30_000;
const TRANSIENT = new Set([grpc.status.UNAVAILABLE, grpc.status.DEADLINE_EXCEEDED, grpc.status.RESOURCE_EXHAUSTED]);
const ROWS = 2000;
const FEATURES = 20;

const protos = path.resolve(__dirname, '../../src/Protos');
// 64-bit numbers are read as text: a number of JavaScript holds 53 bits.
const definition = loader.loadSync(['distsgd/v1/coordination.proto', 'distsgd/v1/parameters.proto'], { includeDirs: [protos], keepCase: true, longs: String, defaults: true });
const { Shards, Parameters } = grpc.loadPackageDefinition(definition).distsgd.v1;

// Calls until it succeeds. A push that is sent again has its old name, so that it is applied once.
async function call(client, method, request) {
  const started = Date.now();
  for (let pause = 20; ; pause = Math.min(2 * pause, 1000)) {
    try {
      return await new Promise((resolve, reject) =>
        client[method](request, { deadline: Date.now() + CALL_MS }, (error, answer) => (error ? reject(error) : resolve(answer))));
    } catch (error) {
      if (!TRANSIENT.has(error.code) || Date.now() - started > RETRY_MS) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

// Numbers of a fixed sequence, uniform in [0, 1): the same rows at each run.
function generator(seed) {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

// Rows with labels -1 and +1, drawn from a known truth.
function generate() {
  const random = generator(1);
  const truth = Array.from({ length: FEATURES }, () => 4 * random() - 2);
  return Array.from({ length: ROWS }, () => {
    const features = truth.map(() => 2 * random() - 1);
    const score = features.reduce((sum, value, i) => sum + value * truth[i], 0.5);
    return { features, label: random() < 1 / (1 + Math.exp(-score)) ? 1 : -1 };
  });
}

// Mean of log(1 + exp(-z)), z = label * score, and its gradient: one number a weight, the bias's last.
function lossAndGradient(parameters, rows) {
  const gradient = new Float32Array(FEATURES + 1);
  let loss = 0;
  for (const { features, label } of rows) {
    const z = label * features.reduce((sum, value, i) => sum + value * parameters[i], parameters[FEATURES]);
    loss += Math.log1p(Math.exp(-z));
    const pull = -label / (1 + Math.exp(z)) / rows.length;
    features.forEach((value, i) => { gradient[i] += pull * value; });
    gradient[FEATURES] += pull;
  }
  return { loss: loss / rows.length, gradient };
}

// Packed little-endian float32.
function floats(bytes) {
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}

function bytes(values) {
  const packed = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => packed.writeFloatLE(value, 4 * i));
  return packed;
}

async function main() {
  const [server, job = 'node-example', steps = '20'] = process.argv.slice(2);
  if (!server) throw new Error('usage: node train.js HOST:PORT [JOB [STEPS]]');
  const shards = new Shards(server, grpc.credentials.createInsecure());
  const parameters = new Parameters(server, grpc.credentials.createInsecure());
  const rows = generate();

  // Begin a job, or attach to it: with the same spec, Activate changes nothing.
  const spec = {
    job,
    rule: { optimizer: 'OPTIMIZER_SGD', schedule: { kind: 'SCHEDULE_KIND_CONSTANT', rate: 1 } },
    tables: [
      { name: 'weights', first_key: 0, count: FEATURES, regularized: true },
      { name: 'bias', first_key: FEATURES, count: 1 },
    ],
  };
  await call(shards, 'Activate', { spec });

  const keys = { first: 0, count: FEATURES + 1 };
  const source = crypto.randomBytes(8).readBigUInt64LE().toString(); // This run's name; its pushes count from 1.
  let push;
  for (let step = 1; step <= Number(steps); step++) {
    const pulled = await call(parameters, 'Pull', { job, pull: { keys } });
    const { loss, gradient } = lossAndGradient(floats(pulled.values), rows);
    console.log(`step ${String(step).padStart(3)}  version ${pulled.version.padStart(3)}  loss ${loss.toFixed(4)}`);
    push = {
      job,
      push: { name: { source, sequence: step }, kind: 'PUSH_KIND_GRADIENT', step: step - 1, read_version: pulled.version, keys, values: bytes(gradient) },
    };
    await call(parameters, 'Push', push);
  }

  const again = await call(parameters, 'Push', push); // As after a cut connection: acknowledged, not applied again.
  console.log(`the last push, sent again: duplicate ${again.duplicate}`);
  const described = await call(shards, 'Describe', { job });
  for (const shard of described.shards) {
    console.log(`shard ${shard.shard}: ${shard.version} pushes applied, ${shard.duplicates} duplicates, ${shard.refused} refused`);
  }
  shards.close();
  parameters.close();
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
