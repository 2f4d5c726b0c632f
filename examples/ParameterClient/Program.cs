using DistSgd.Protos.V1;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Sharding;
using Grpc.Net.Client;
using ShardPlacement = DistSgd.Shared.Exchange.ShardPlacement;

// Finds the point (1, 2, 3, 4): its distance is the loss, the difference the gradient, and a running server holds the parameters.
const string Job = "csharp-example";
float[] target = [1, 2, 3, 4];
using (GrpcChannel channel = GrpcChannel.ForAddress($"http://{args[0]}"))
{
    var spec = new JobSpec { Job = Job, Rule = new UpdateRule { Schedule = new Schedule { Rate = 0.3 } }, Tables = { new Table { Name = "point", Count = 4 } } };
    await new Shards.ShardsClient(channel).ActivateAsync(new ActivateRequest { Spec = spec }, deadline: DateTime.UtcNow.AddSeconds(10));
}
await using var client = new GrpcParameterClient(Job, entryFloats: 1, [new ShardPlacement(0, new KeyRange(0, 4), args[0])], new GrpcClientOptions { Waiting = Console.Error.WriteLine });
var pull = new ParameterExchange(shards: 1) { PullKeys = KeySet.Range(0, 4), Pulled = new float[4] };
var push = new ParameterExchange(shards: 1) { PushKeys = KeySet.Range(0, 4) };
ulong source = BitConverter.ToUInt64(Guid.NewGuid().ToByteArray());
for (ulong step = 1; step <= ulong.Parse(args[1]); step++)
{
    await client.ExecuteAsync(pull, CancellationToken.None);
    float[] gradient = [.. pull.Pulled.ToArray().Zip(target, (at, wanted) => at - wanted)];
    Console.WriteLine($"step {step,3}  version {pull.PulledVersions[0],3}  loss {gradient.Sum(difference => difference * difference) / 2:F4}");
    (push.PushName, push.PushValues, push.Step, push.ReadVersions[0]) = (new(source, step), gradient, (long)step - 1, pull.PulledVersions[0]);
    await client.ExecuteAsync(push, CancellationToken.None);
}
await client.ExecuteAsync(push, CancellationToken.None);
Console.WriteLine($"the last push, sent again: duplicate {(push.Duplicate ? "true" : "false")}");
