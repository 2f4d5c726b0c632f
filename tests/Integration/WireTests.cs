using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.Protos.V1;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;
using DistSgd.TestKit;
using Grpc.Core;
using Grpc.Net.Client;
using ModelKind = DistSgd.Learning.Models.ModelKind;
using PullPart = DistSgd.Shared.Exchange.PullPart;
using PushKind = DistSgd.Shared.Exchange.PushKind;
using PushName = DistSgd.Shared.Exchange.PushName;
using Schedule = DistSgd.Learning.Optimizers.Schedule;
using ScheduleKind = DistSgd.Learning.Optimizers.ScheduleKind;
using ShardPlacement = DistSgd.Shared.Exchange.ShardPlacement;
using UpdateRule = DistSgd.Learning.Optimizers.UpdateRule;

namespace DistSgd.Integration.Tests;

/// <summary>Pushes to a real server over a connection that breaks in the middle of one.</summary>
public sealed class WireTests
{
    // Large enough that a cut falls into the values.
    private const int Keys = 200_000;

    // Keys of the parts into which the client cuts such a push.
    private const int PartKeys = 65_536;

    private static readonly TrainingJob Job = new()
    {
        Name = "job",
        Model = ModelKind.Logistic,
        Rule = new UpdateRule { Optimizer = OptimizerKind.Sgd, Schedule = new Schedule(ScheduleKind.Constant, 1, 0, 1) },
        Features = Keys - 1,
        Epochs = 1,
    };

    [Fact]
    public async Task ConnectionCutInMidPush_ThePushIsAppliedOnceAfterTheRetry()
    {
        (ProgramRun run, string address) = await ProgramRun.ServerAsync();
        await using ProgramRun server = run;
        await using var proxy = new CuttingProxy(address);
        using GrpcChannel direct = GrpcChannel.ForAddress($"http://{address}");
        await ActivateAsync(direct, address);
        await using GrpcParameterClient client = Client(proxy.Address, TimeSpan.FromSeconds(30));
        for (int round = 1; round <= 3; round++)
        {
            proxy.CutAfter((100_000 * round) + 321);
            await client.ExecuteAsync(Push(sequence: (ulong)round), CancellationToken.None).AsTask().WaitAsync(TimeSpan.FromSeconds(60));
        }
        await proxy.Cut.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.True(proxy.Connections >= 4, $"{proxy.Connections} connections");
        (ulong version, float[] values) = await ReadAsync(direct, address);
        Assert.Equal(3UL, version);
        Assert.All(values, value => Assert.Equal(3f, value));
    }

    [Fact]
    public async Task ClientGoneInMidPush_EachPartIsThereOrNot_AndWhoeverSendsThePushAgainCompletesItOnce()
    {
        (ProgramRun run, string address, HttpClient metrics) = await ProgramRun.MeteredServerAsync();
        await using ProgramRun server = run;
        using HttpClient asked = metrics;
        using GrpcChannel direct = GrpcChannel.ForAddress($"http://{address}");
        await ActivateAsync(direct, address);
        await using (var proxy = new CuttingProxy(address))
        {
            proxy.CutAfter(500_000);
            using var dead = new CancellationTokenSource();
            await using GrpcParameterClient client = Client(proxy.Address, TimeSpan.FromSeconds(30));
            Task push = client.ExecuteAsync(Push(sequence: 1), dead.Token).AsTask();
            await proxy.Cut.WaitAsync(TimeSpan.FromSeconds(30));
            await dead.CancelAsync();
            // Whether the retry was sooner than the cancellation or not.
            await Record.ExceptionAsync(() => push.WaitAsync(TimeSpan.FromSeconds(30)));
        }
        // A part that has arrived is applied also when nobody waits for it any more: until then nothing can be said of the parts.
        await OnlyOneIsConnectedAsync(metrics);
        (ulong before, float[] values) = await ReadAsync(direct, address);
        float[] parts = [.. values.Chunk(PartKeys).Select(part => part.Distinct().Single())];
        Assert.All(parts, part => Assert.True(part is 0 or 1));
        Assert.Equal(before == 1, parts.All(part => part == 1));
        await using GrpcParameterClient other = Client(address, TimeSpan.FromSeconds(30));
        await other.ExecuteAsync(Push(sequence: 1, source: 2), CancellationToken.None);
        (ulong after, values) = await ReadAsync(direct, address);
        Assert.Equal(before + 1, after);
        Assert.Equal(parts.Select(part => part + 1), values.Chunk(PartKeys).Select(part => part.Distinct().Single()));
        ParameterExchange again = Push(sequence: 1);
        await other.ExecuteAsync(again, CancellationToken.None);
        Assert.Equal(before == 1, again.Duplicate);
        (after, values) = await ReadAsync(direct, address);
        Assert.Equal(2UL, after);
        Assert.All(values, value => Assert.Equal(2f, value));
    }

    private static ShardPlacement Placement(string address) => new(0, new KeyRange(0, Keys), address);

    private static GrpcParameterClient Client(string address, TimeSpan retry) => new(Job.Name, Job.EntryFloats, [Placement(address)], new GrpcClientOptions { RetryDeadline = retry });

    private static ParameterExchange Push(ulong sequence, ulong source = 1)
    {
        var values = new float[Keys];
        values.AsSpan().Fill(1);
        return new ParameterExchange(1) { PushKeys = KeySet.Range(0, Keys), PushValues = values, PushKind = PushKind.Delta, PushName = new PushName(source, sequence) };
    }

    private static async Task ActivateAsync(GrpcChannel channel, string address)
    {
        var request = new ActivateRequest { Spec = Job.ToMessage() };
        request.Shards.Add(Placement(address).ToMessage());
        await new Protos.V1.Shards.ShardsClient(channel).ActivateAsync(request, deadline: DateTime.UtcNow.AddSeconds(30));
    }

    /// <summary>Waits until the server has ended with every connection but the one that asks it directly.</summary>
    private static async Task OnlyOneIsConnectedAsync(HttpClient metrics)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (Connected(await metrics.GetStringAsync("/metrics", deadline.Token)) > 1)
            await Task.Yield();

        static int Connected(string text) => text.Split('\n').Count(line => line.StartsWith("distsgd_peer_connected{", StringComparison.Ordinal) && line.EndsWith(" 1", StringComparison.Ordinal));
    }

    private static async Task<(ulong Version, float[] Values)> ReadAsync(GrpcChannel channel, string address)
    {
        DescribeResponse described = await new Protos.V1.Shards.ShardsClient(channel).DescribeAsync(new DescribeRequest { Job = Job.Name }, deadline: DateTime.UtcNow.AddSeconds(30));
        await using GrpcParameterClient client = Client(address, TimeSpan.FromSeconds(30));
        var exchange = new ParameterExchange(1) { PullKeys = KeySet.Range(0, Keys), PullPart = PullPart.Values, Pulled = new float[Keys] };
        await client.ExecuteAsync(exchange, CancellationToken.None);
        return (described.Shards[0].Version, exchange.Pulled.ToArray());
    }
}
