using DistSgd.Learning.Optimizers;
using DistSgd.ParamServer.Clients;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;

namespace DistSgd.ParamServer.Tests;

public sealed class InProcessParameterClientTests
{
    [Fact]
    public async Task Exchange_AnyShardCount_GivesTheSameAsOneShard()
    {
        foreach (OptimizerKind optimizer in Enum.GetValues<OptimizerKind>())
        {
            foreach (bool sparse in (bool[])[false, true])
            {
                float[] one = await RunAsync(optimizer, sparse, shards: 1);
                foreach (int shards in (int[])[2, 5, 100])
                    Assert.Equal(one, await RunAsync(optimizer, sparse, shards));
            }
        }
    }

    [Fact]
    public async Task Exchange_PushesAndPulls_CountsPayloadBytes()
    {
        ParameterShard[] shards = Cut(Jobs.Make(99), 3);
        var client = new InProcessParameterClient(shards);
        await client.ExecuteAsync(
            new ParameterExchange(3) { PushKeys = KeySet.List([1, 50, 99]), PushValues = new float[3], PushName = new PushName(1, 1), PullKeys = KeySet.Range(0, 100), Pulled = new float[100] },
            CancellationToken.None);
        Assert.Equal((3 * 8, 400), (client.BytesPushed, client.BytesPulled));
    }

    [Fact]
    public async Task ValuesInPlace_OfTheOnlyShardWithPlanes_ShowPushesAtOnce_AndTheirVersion()
    {
        ParameterShard[] one = Cut(Jobs.Make(99, OptimizerKind.Adam, l2: 0.01) with { LocalSteps = 0 }, 1);
        var client = new InProcessParameterClient(one);
        ReadOnlyMemory<float> values = client.ValuesInPlace!.Value;
        Assert.Equal(100, values.Length);
        var exchange = new ParameterExchange(1) { PushKeys = KeySet.Range(0, 100), PushValues = Enumerable.Repeat(1f, 100).ToArray(), PushName = new PushName(1, 1), PushKind = PushKind.Gradient };
        await client.ExecuteAsync(exchange, CancellationToken.None);
        Assert.Equal(Jobs.Values(one[0]), values.ToArray());
        Assert.True(values.Span[7] < 0);
        Assert.Equal([1], exchange.PulledVersions);
        Assert.Equal(0, client.BytesPulled);
    }

    [Fact]
    public void ValuesInPlace_AmongTheirState_OrAgedWhenRead_OrCut_AreNone()
    {
        Assert.Null(new InProcessParameterClient(Cut(Jobs.Make(99, OptimizerKind.Adam) with { LocalSteps = 0 }, 2)).ValuesInPlace);
        Assert.Null(new InProcessParameterClient(Cut(Jobs.Make(99, OptimizerKind.AdaGrad) with { LocalSteps = 1 }, 1)).ValuesInPlace);
        Assert.Null(new InProcessParameterClient(Cut(Jobs.Make(99, OptimizerKind.Sgd, sparse: true, l2: 0.01), 1)).ValuesInPlace);
    }

    [Fact]
    public async Task Exchange_Cancelled_DoesNothing()
    {
        ParameterShard[] shards = Cut(Jobs.Make(99), 1);
        var exchange = new ParameterExchange(1) { PushKeys = KeySet.Range(0, 1), PushValues = new float[1], PushName = new PushName(1, 1) };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await new InProcessParameterClient(shards).ExecuteAsync(exchange, new CancellationToken(canceled: true)));
        Assert.Equal(0, shards[0].Version);
    }

    [Fact]
    public void Exchange_InSteadyState_AllocatesNothing()
    {
        const int Warmup = 200, Exchanges = 2_000;
        foreach (OptimizerKind optimizer in Enum.GetValues<OptimizerKind>())
        {
            foreach (bool sparse in (bool[])[false, true])
            {
                foreach (PushKind kind in Enum.GetValues<PushKind>().Where(kind => !sparse || kind != PushKind.State))
                {
                    TrainingJob job = Jobs.Make(2_000, optimizer, sparse, l1: 0.001, l2: 0.01);
                    ParameterShard[] shards = Cut(job, 3);
                    var client = new InProcessParameterClient(shards);
                    KeySet keys = sparse ? KeySet.List([.. Enumerable.Range(0, 600).Select(i => (uint)(i * 3))]) : KeySet.Range(0, 2_001);
                    int stride = job.KeyFloats.Of(kind), pulled = kind == PushKind.Delta ? job.EntryFloats : 1;
                    var exchange = new ParameterExchange(3)
                    {
                        PushKeys = keys,
                        PushValues = new float[keys.Count * stride],
                        PushKind = kind,
                        PullKeys = keys,
                        PullPart = kind == PushKind.Delta ? PullPart.Entries : PullPart.Values,
                        Pulled = new float[keys.Count * pulled],
                    };
                    Exchange(client, exchange, 1, Warmup);
                    long before = GC.GetAllocatedBytesForCurrentThread();
                    Exchange(client, exchange, Warmup + 1, Exchanges);
                    long perExchange = (GC.GetAllocatedBytesForCurrentThread() - before) / Exchanges;
                    Assert.True(perExchange <= 1, $"{optimizer}, sparse {sparse}, {kind}: {perExchange} bytes an exchange");
                }
            }
        }
    }

    private static void Exchange(InProcessParameterClient client, ParameterExchange exchange, int first, int count)
    {
        for (int i = first; i < first + count; i++)
        {
            exchange.PushName = new PushName(1, (ulong)i);
            Assert.True(client.ExecuteAsync(exchange, CancellationToken.None).IsCompletedSuccessfully);
        }
    }

    private static async Task<float[]> RunAsync(OptimizerKind optimizer, bool sparse, int shards)
    {
        TrainingJob job = Jobs.Make(250, optimizer, sparse, l1: 0.001, l2: 0.01);
        ParameterShard[] all = Cut(job, shards);
        var client = new InProcessParameterClient(all);
        var random = new Random(9);
        var exchange = new ParameterExchange(all.Length);
        for (ulong sequence = 1; sequence <= 40; sequence++)
        {
            exchange.PushKeys = sparse ? KeySet.List([.. Enumerable.Range(0, 251).Where(_ => random.Next(9) == 0).Select(key => (uint)key)]) : KeySet.Range(0, 251);
            exchange.PushKind = (PushKind)random.Next(2);
            int stride = exchange.PushKind == PushKind.Delta ? job.EntryFloats : 1;
            exchange.PushValues = Enumerable.Range(0, exchange.PushKeys.Count * stride).Select(_ => (float)random.NextDouble()).ToArray();
            (exchange.PushName, exchange.Step, exchange.RateSum) = (new PushName(1, sequence), (long)sequence, 0.1);
            await client.ExecuteAsync(exchange, CancellationToken.None);
        }
        exchange.PushKeys = null;
        (exchange.PullKeys, exchange.PullPart) = (KeySet.Range(0, 251), PullPart.Entries);
        exchange.Pulled = new float[251 * job.EntryFloats];
        await client.ExecuteAsync(exchange, CancellationToken.None);
        return exchange.Pulled.ToArray();
    }

    private static ParameterShard[] Cut(TrainingJob job, int shards)
    {
        ShardMap map = ShardMap.Cut(job.KeyCount, shards);
        return [.. Enumerable.Range(0, map.Count).Select(i => new ParameterShard(job, i, map[i]))];
    }
}
