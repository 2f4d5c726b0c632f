"""Trains a logistic regression on a running server; of DistSgd's it has nothing but the .proto files.

    distsgd server --listen 127.0.0.1:7070
    python3 examples/python/train.py 127.0.0.1:7070

The program computes gradients, the server holds the parameters and runs the update rule. Needs grpcio, numpy and a generator of
stubs (see stubs.py). docs/clients.md tells what each call means.
"""
import argparse
import secrets
import time

import grpc
import numpy

import stubs

stubs.load()
from distsgd.v1 import coordination_pb2, coordination_pb2_grpc, job_pb2, parameters_pb2, parameters_pb2_grpc  # noqa: E402

CALL_SECONDS = 10
RETRY_SECONDS = 30
TRANSIENT = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED}
ROWS, FEATURES = 2000, 20


def call(method, request):
    """Calls until it succeeds. A push that is sent again has its old name, so that it is applied once."""
    started, pause = time.monotonic(), 0.02
    while True:
        try:
            return method(request, timeout=CALL_SECONDS)
        except grpc.RpcError as error:
            if error.code() not in TRANSIENT or time.monotonic() - started > RETRY_SECONDS:
                raise
            time.sleep(pause)
            pause = min(2 * pause, 1)


def generate():
    """Rows with labels -1 and +1, drawn from a known truth."""
    random = numpy.random.default_rng(1)
    rows = random.standard_normal((ROWS, FEATURES))
    truth = random.standard_normal(FEATURES)
    labels = numpy.where(random.random(ROWS) < 1 / (1 + numpy.exp(-rows @ truth - 0.5)), 1.0, -1.0)
    return rows, labels


def loss_and_gradient(parameters, rows, labels):
    """Mean of log(1 + exp(-z)), z = label * score, and its gradient: one number a weight, the bias's last."""
    z = labels * (rows @ parameters[:-1] + parameters[-1])
    pull = -labels / (1 + numpy.exp(z))
    return numpy.logaddexp(0, -z).mean(), numpy.append(pull @ rows, pull.sum()) / len(labels)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("server", help="HOST:PORT")
    options.add_argument("--job", default="python-example")
    options.add_argument("--steps", type=int, default=20)
    options = options.parse_args()
    rows, labels = generate()
    with grpc.insecure_channel(options.server) as channel:
        shards = coordination_pb2_grpc.ShardsStub(channel)
        parameters = parameters_pb2_grpc.ParametersStub(channel)

        # Begin a job, or attach to it: with the same spec, Activate changes nothing.
        keys = FEATURES + 1
        spec = job_pb2.JobSpec(
            job=options.job,
            rule=job_pb2.UpdateRule(optimizer=job_pb2.OPTIMIZER_SGD, schedule=job_pb2.Schedule(kind=job_pb2.SCHEDULE_KIND_CONSTANT, rate=1)),
            tables=[
                job_pb2.Table(name="weights", first_key=0, count=FEATURES, regularized=True),
                job_pb2.Table(name="bias", first_key=FEATURES, count=1),
            ],
        )
        call(shards.Activate, coordination_pb2.ActivateRequest(spec=spec))

        everything = parameters_pb2.ShardKeys(first=0, count=keys)
        source = secrets.randbits(64)  # This run's name; its pushes count from 1.
        for step in range(1, options.steps + 1):
            pulled = call(parameters.Pull, parameters_pb2.PullRequest(job=options.job, pull=parameters_pb2.Pull(keys=everything)))
            loss, gradient = loss_and_gradient(numpy.frombuffer(pulled.values, "<f4"), rows, labels)
            print(f"step {step:3}  version {pulled.version:3}  loss {loss:.4f}", flush=True)
            push = parameters_pb2.PushRequest(
                job=options.job,
                push=parameters_pb2.Push(
                    name=parameters_pb2.PushName(source=source, sequence=step),
                    kind=parameters_pb2.PUSH_KIND_GRADIENT,
                    step=step - 1,
                    read_version=pulled.version,
                    keys=everything,
                    values=gradient.astype("<f4").tobytes(),
                ),
            )
            call(parameters.Push, push)

        again = call(parameters.Push, push)  # As after a cut connection: acknowledged, not applied again.
        print(f"the last push, sent again: duplicate {str(again.duplicate).lower()}")
        described = call(shards.Describe, coordination_pb2.DescribeRequest(job=options.job))
        for shard in described.shards:
            print(f"shard {shard.shard}: {shard.version} pushes applied, {shard.duplicates} duplicates, {shard.refused} refused")


if __name__ == "__main__":
    main()
