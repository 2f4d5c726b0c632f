using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using DistSgd.Bench.Kernels;
using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;
using DistSgd.Shared.Sharding;

namespace DistSgd.Bench.Wire;

/// <summary>The data plane's own stream against a real shard: everything pushed is checked, applied and counted in the window.</summary>
internal sealed class StreamBench : IAsyncDisposable
{
    private const int SparseKeys = 10_000_000;
    private const int OneKeyIn = 4;
    private const int SmallFloats = 1024;
    private const int SmallPushes = 40_000;

    /// <summary>Pushes of a pipeline that are under way at once.</summary>
    public const int SmallInFlight = 256;

    /// <summary>The job's name.</summary>
    public const string JobName = "bench";

    private static readonly TrainingJob Job = new()
    {
        Name = JobName,
        Model = ModelKind.Logistic,
        Rule = new UpdateRule { Optimizer = OptimizerKind.Sgd, Schedule = new Schedule(ScheduleKind.Constant, 1, 0, 1) },
        Features = SparseKeys * OneKeyIn - 1,
        Sparse = true,
        Epochs = 1,
    };

    private readonly ConcurrentBag<ParameterExchange> _exchanges = [];
    private readonly ConcurrentDictionary<int, KeySet> _ranges = new();
    private readonly float[] _values = new float[BlockStore.FloatsMax];
    private readonly ParameterExchange[] _lanes;
    private readonly int _port;
    private readonly GrpcParameterClient _client;
    private long _sequence;

    public StreamBench(int port)
    {
        _port = port;
        _client = Connect(port);
        KeySet keys = KeySet.Range(0, SmallFloats);
        _lanes = [.. Enumerable.Range(0, SmallInFlight).Select(_ => new ParameterExchange(1) { PushKind = PushKind.Delta, PushKeys = keys, PushValues = _values.AsMemory(0, SmallFloats) })];
    }

    /// <summary>The server's one shard.</summary>
    public static ShardRegistry Shards()
    {
        var shards = new ShardRegistry(ShardBytes);
        shards.Activate(Job, [Placement("")]);
        return shards;
    }

    public ValueTask PushAsync(int bytes) => DoAsync(_client, bytes / sizeof(float), pushes: true, pulls: false);

    public ValueTask PullAsync(int bytes) => DoAsync(_client, bytes / sizeof(float), pushes: false, pulls: true);

    public ValueTask PushPullAsync(int bytes) => DoAsync(_client, bytes / sizeof(float), pushes: true, pulls: true);

    /// <summary>4-KiB pushes, so many under way.</summary>
    public async Task<double> PipelineAsync()
    {
        long start = Stopwatch.GetTimestamp();
        int left = SmallPushes;
        await Task.WhenAll(_lanes.Select(async exchange =>
        {
            while (Interlocked.Decrement(ref left) >= 0)
            {
                exchange.PushName = new PushName(1, (ulong)Interlocked.Increment(ref _sequence));
                await _client.ExecuteAsync(exchange, CancellationToken.None);
            }
        }));
        return SmallPushes / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>10 M keys, one float each: pushed with keys that are new to the server, pushed again, pulled.</summary>
    public async Task SparseAsync(int rounds, Action<BenchRow> sink)
    {
        var random = new Learning.Data.SeededRandom(BenchOrigin.SeedOfAll);
        uint[] list = new uint[SparseKeys];
        for (int i = 0; i < list.Length; i++)
            list[i] = (uint)(i * OneKeyIn + (int)(random.NextUInt64() % OneKeyIn));
        KeySet keys = KeySet.List(list);
        var exchange = new ParameterExchange(1) { PushKind = PushKind.Delta, PushValues = new float[SparseKeys], Pulled = new float[SparseKeys] };
        (string Name, bool Pushes)[] works = [("push, keys new", true), ("push, keys known", true), ("pull, keys known", false)];
        var best = new double[works.Length];
        var bytes = new double[works.Length];
        for (int round = 0; round <= rounds; round++)
        {
            await using GrpcParameterClient client = Connect(_port);
            for (int i = 0; i < works.Length; i++)
            {
                (exchange.PushKeys, exchange.PullKeys) = (works[i].Pushes ? keys : null, works[i].Pushes ? null : keys);
                exchange.PushName = new PushName(1, (ulong)Interlocked.Increment(ref _sequence));
                (long sent, long received) = client.MessageBytes;
                long start = Stopwatch.GetTimestamp();
                await client.ExecuteAsync(exchange, CancellationToken.None);
                if (round > 0)
                    best[i] = Math.Max(best[i], SparseKeys / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e6);
                (long sentAfter, long receivedAfter) = client.MessageBytes;
                bytes[i] = (sentAfter - sent + receivedAfter - received) / (double)SparseKeys;
            }
        }
        for (int i = 0; i < works.Length; i++)
        {
            sink(new BenchRow($"stream, 10 M keys, {works[i].Name}", best[i], "M/s", "", 1));
            sink(new BenchRow($"stream, 10 M keys, {works[i].Name}: on the wire, both ways", bytes[i], "B/key", "", 1));
        }
    }

    /// <summary>Bytes of the server's one shard.</summary>
    public static long ShardBytes => Job.KeyCount * sizeof(float);

    /// <summary>A client of the server's one shard.</summary>
    public static GrpcParameterClient Connect(int port) => new(Job.Name, Job.EntryFloats, [Placement($"127.0.0.1:{port}")], new GrpcClientOptions());

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    private static ShardPlacement Placement(string server) => new(0, new KeyRange(0, Job.KeyCount), server);

    // Pooled, so that what is measured is what the client allocates.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask DoAsync(GrpcParameterClient client, int floats, bool pushes, bool pulls)
    {
        if (!_exchanges.TryTake(out ParameterExchange? exchange))
            exchange = new ParameterExchange(1) { PushKind = PushKind.Delta, Pulled = new float[BlockStore.FloatsMax] };
        KeySet keys = _ranges.GetOrAdd(floats, static count => KeySet.Range(0, count));
        (exchange.PushKeys, exchange.PullKeys) = (pushes ? keys : null, pulls ? keys : null);
        exchange.PushValues = _values;
        exchange.PushName = new PushName(1, (ulong)Interlocked.Increment(ref _sequence));
        await client.ExecuteAsync(exchange, CancellationToken.None);
        _exchanges.Add(exchange);
    }
}
