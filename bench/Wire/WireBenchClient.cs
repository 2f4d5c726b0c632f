using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using DistSgd.Bench.Kernels;
using DistSgd.Bench.Wire.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace DistSgd.Bench.Wire;

/// <summary>The measuring side.</summary>
internal sealed class WireBenchClient : IAsyncDisposable
{
    private const int Kibi = 1024;
    private const int BytesARound = 64 << 20;
    private const int CallsARoundMax = 400;
    private const int PingsARound = 2_000;
    private const int PingBytes = 100;
    private const int RawBufferBytes = 5 + BlockStore.FloatsMax * sizeof(float);

    private static readonly int[] SizesBytes = [64 * Kibi, 256 * Kibi, 1024 * Kibi, 4096 * Kibi, 16384 * Kibi];
    private static readonly int[] InFlight = [1, 4];

    private readonly HttpClient _http;
    private readonly GrpcChannel _channel;
    private readonly CallInvoker _invoker;
    private readonly V1.WireBench.WireBenchClient _protobuf;
    private readonly Socket _raw;
    private readonly byte[] _sendBuffer = new byte[RawBufferBytes];
    private readonly byte[] _receiveBuffer = new byte[RawBufferBytes];
    private readonly BlockStore _blocks = new();
    private readonly StreamBench _stream;

    private WireBenchClient(HttpClient http, GrpcChannel channel, Socket raw, StreamBench stream)
    {
        _http = http;
        _stream = stream;
        _channel = channel;
        _invoker = channel.CreateCallInvoker();
        _protobuf = new V1.WireBench.WireBenchClient(channel);
        _raw = raw;
    }

    public static async Task<WireBenchClient> ConnectAsync(WireBenchPorts ports) => new(
        new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{ports.Grpc}"), DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact },
        GrpcChannel.ForAddress($"http://127.0.0.1:{ports.Grpc}", new GrpcChannelOptions { MaxReceiveMessageSize = null }),
        await RawSockets.ConnectAsync(ports.Raw),
        new StreamBench(ports.Grpc));

    public async Task RunAsync(string? part, int rounds, Action<BenchRow> sink)
    {
        if (part is null or "latency")
            await LatencyAsync(rounds, sink);
        if (part is null or "pipeline")
            await PipelineAsync(rounds, sink);
        if (part is null or "keys")
            await _stream.SparseAsync(rounds, sink);
        if (part is not (null or "bulk"))
            return;
        foreach (var inFlight in InFlight)
        {
            foreach (var bytes in SizesBytes)
                await BulkAsync(bytes, inFlight, rounds, sink);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        _channel.Dispose();
        _http.Dispose();
        _raw.Dispose();
    }

    private async Task BulkAsync(int bytes, int inFlight, int rounds, Action<BenchRow> sink)
    {
        var calls = Math.Clamp(BytesARound / bytes, 2 * inFlight, CallsARoundMax);
        var works = new (string Name, string Limit, Func<Task> Work)[]
        {
            ("raw socket push", "", () => RawAsync(RawSockets.Push, bytes, calls, inFlight)),
            ("gRPC push", "raw socket push", () => ManyAsync(() => PushAsync(bytes), calls, inFlight)),
            ("repeated float push", "gRPC push", () => ManyAsync(() => PushProtobufAsync(bytes), Math.Max(calls / 4, inFlight), inFlight)),
            ("stream push", "raw socket push", () => ManyAsync(() => _stream.PushAsync(bytes), calls, inFlight)),
            ("raw socket pull", "", () => RawAsync(RawSockets.Pull, bytes, calls, inFlight)),
            ("gRPC pull", "raw socket pull", () => ManyAsync(() => PullAsync(bytes), calls, inFlight)),
            ("repeated float pull", "gRPC pull", () => ManyAsync(() => PullProtobufAsync(bytes), Math.Max(calls / 4, inFlight), inFlight)),
            ("stream pull", "raw socket pull", () => ManyAsync(() => _stream.PullAsync(bytes), calls, inFlight)),
        };
        // Medians of interleaved rounds: a single lucky round of the socket's isn't what it can do, and the machine's slow moments fall on all alike.
        var speeds = works.ToDictionary(work => work.Name, _ => new List<double>(), StringComparer.Ordinal);
        for (var round = 0; round <= rounds; round++)
        {
            foreach (var (name, _, work) in works)
            {
                var start = Stopwatch.GetTimestamp();
                await work();
                var sent = (name.StartsWith("repeated", StringComparison.Ordinal) ? Math.Max(calls / 4, inFlight) : calls) * (double)bytes;
                var speed = sent / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9;
                if (round > 0) // The first round warms both sides up.
                    speeds[name].Add(speed);
            }
        }
        foreach (var (name, limit, _) in works)
        {
            var median = At(speeds[name], 0.5);
            var ratio = limit.Length == 0 ? 1 : median / At(speeds[limit], 0.5);
            sink(new BenchRow($"{name}, {bytes / Kibi} KiB, {inFlight} in flight", median, "GB/s", limit, ratio));
        }
        foreach (var (name, _, work) in works)
        {
            if (!name.StartsWith("repeated", StringComparison.Ordinal))
                sink(new BenchRow($"{name}, {bytes / Kibi} KiB, {inFlight} in flight: processor, both sides", await ProcessorAsync(work) / (calls * (double)bytes / 1e9), "s/GB", "", 1));
        }
        await AllocationAsync($"stream push, {bytes / Kibi} KiB, {inFlight} in flight", () => ManyAsync(() => _stream.PushAsync(bytes), calls, inFlight), calls, sink);
        await AllocationAsync($"stream pull, {bytes / Kibi} KiB, {inFlight} in flight", () => ManyAsync(() => _stream.PullAsync(bytes), calls, inFlight), calls, sink);
        await AllocationAsync($"Kestrel alone, a body flushed each {bytes / Kibi} KiB", () => KestrelAsync(bytes, calls), calls, sink);
        await AllocationAsync($"gRPC push, {bytes / Kibi} KiB, {inFlight} in flight", () => ManyAsync(() => PushAsync(bytes), calls, inFlight), calls, sink);
        await AllocationAsync($"gRPC pull, {bytes / Kibi} KiB, {inFlight} in flight", () => ManyAsync(() => PullAsync(bytes), calls, inFlight), calls, sink);
    }

    private async Task LatencyAsync(int rounds, Action<BenchRow> sink)
    {
        var raw = new List<double>();
        var grpc = new List<double>();
        var stream = new List<double>();
        var small = new Small { Payload = Google.Protobuf.ByteString.CopyFrom(new byte[PingBytes]) };
        for (var round = 0; round <= rounds; round++)
        {
            await PingsAsync(raw, round > 0, async () =>
            {
                await RawSockets.SendFrameAsync(_raw, RawSockets.Ping, _sendBuffer, PingBytes);
                await RawSockets.ReceiveFrameAsync(_raw, _receiveBuffer);
            });
            await PingsAsync(grpc, round > 0, async () => await _protobuf.PingAsync(small));
            await PingsAsync(stream, round > 0, async () => await _stream.PushPullAsync(PingBytes));
        }
        foreach (var percentile in new[] { 0.5, 0.99 })
        {
            var limit = $"raw socket ping-pong, {PingBytes} B, p{percentile * 100}";
            sink(new BenchRow(limit, At(raw, percentile), "µs", "", 1));
            sink(new BenchRow($"gRPC unary, {PingBytes} B, p{percentile * 100}", At(grpc, percentile), "µs", limit, At(raw, percentile) / At(grpc, percentile)));
            sink(new BenchRow($"stream push and pull, {PingBytes} B, p{percentile * 100}", At(stream, percentile), "µs", limit, At(raw, percentile) / At(stream, percentile)));
        }
        await AllocationAsync($"gRPC unary, {PingBytes} B", () => ManyAsync(async () => await _protobuf.PingAsync(small), PingsARound, 1), PingsARound, sink);
    }

    private async Task PipelineAsync(int rounds, Action<BenchRow> sink)
    {
        const int bytes = 4 * Kibi, calls = 40_000;
        double raw = 0, stream = 0;
        for (var round = 0; round <= rounds; round++)
        {
            var start = Stopwatch.GetTimestamp();
            await RawAsync(RawSockets.Push, bytes, calls, StreamBench.SmallInFlight);
            var rawRound = calls / Stopwatch.GetElapsedTime(start).TotalSeconds;
            var streamRound = await _stream.PipelineAsync();
            if (round > 0)
                (raw, stream) = (Math.Max(raw, rawRound), Math.Max(stream, streamRound));
        }
        var limit = $"raw socket push, 4 KiB, {StreamBench.SmallInFlight} in flight";
        sink(new BenchRow(limit, raw / 1e3, "k/s", "", 1));
        sink(new BenchRow($"stream push, 4 KiB, {StreamBench.SmallInFlight} in flight", stream / 1e3, "k/s", limit, stream / raw));
        await AllocationAsync("stream push, 4 KiB", _stream.PipelineAsync, calls, sink);
    }

    // Processor seconds of both processes for one piece of work.
    private async Task<double> ProcessorAsync(Func<Task> work)
    {
        var server = (await _protobuf.GetUsageAsync(new Count())).ProcessorSeconds;
        var client = Environment.CpuUsage.TotalTime;
        await work();
        return (Environment.CpuUsage.TotalTime - client).TotalSeconds + (await _protobuf.GetUsageAsync(new Count())).ProcessorSeconds - server;
    }

    private static async Task PingsAsync(List<double> microseconds, bool counts, Func<Task> ping)
    {
        for (var i = 0; i < PingsARound; i++)
        {
            var start = Stopwatch.GetTimestamp();
            await ping();
            if (counts)
                microseconds.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
        }
    }

    private static double At(List<double> values, double percentile)
    {
        values.Sort();
        return values[(int)(percentile * (values.Count - 1))];
    }

    private async Task AllocationAsync(string name, Func<Task> work, int calls, Action<BenchRow> sink)
    {
        await work();
        var server = await _protobuf.GetUsageAsync(new Count());
        var client = GC.GetTotalAllocatedBytes(precise: true);
        await work();
        var clientBytes = GC.GetTotalAllocatedBytes(precise: true) - client;
        var serverBytes = (await _protobuf.GetUsageAsync(new Count())).AllocatedBytes - server.AllocatedBytes;
        sink(new BenchRow($"{name}: allocated by the client", clientBytes / (double)calls, "B/call", "", 1));
        sink(new BenchRow($"{name}: allocated by the server", serverBytes / (double)calls, "B/call", "", 1));
    }

    private static async Task ManyAsync(Func<ValueTask> call, int calls, int inFlight)
    {
        var left = calls;
        async Task Lane()
        {
            while (Interlocked.Decrement(ref left) >= 0)
                await call();
        }
        await Task.WhenAll(Enumerable.Range(0, inFlight).Select(_ => Lane()));
    }

    private async ValueTask PushAsync(int bytes)
    {
        using var call = _invoker.AsyncUnaryCall(BlockService.PushMethod, null, default, new FloatBlock { Values = _blocks.Values, Count = bytes / sizeof(float) });
        await call;
    }

    private async ValueTask PullAsync(int bytes)
    {
        using var call = _invoker.AsyncUnaryCall(BlockService.PullMethod, null, default, new Count { Floats = bytes / sizeof(float) });
        (await call).Return();
    }

    private async ValueTask PushProtobufAsync(int bytes)
    {
        var floats = new Floats();
        floats.Values.AddRange(_blocks.Prefix(bytes / sizeof(float)));
        await _protobuf.PushFloatsAsync(floats);
    }

    private async ValueTask PullProtobufAsync(int bytes) => await _protobuf.PullFloatsAsync(new Count { Floats = bytes / sizeof(float) });

    // What Kestrel itself allocates for a response that leaves in so many pieces: no server over it can allocate less.
    private async Task KestrelAsync(int bytes, int pieces)
    {
        await using Stream body = await _http.GetStreamAsync($"{WireBenchServer.PiecesPath}/{bytes}/{pieces}");
        while (await body.ReadAsync(_receiveBuffer) > 0)
        {
        }
    }

    /// <summary>The limit with so many frames under way on one connection: one task sends, one receives.</summary>
    private async Task RawAsync(byte operation, int bytes, int calls, int inFlight)
    {
        using var slots = new SemaphoreSlim(inFlight);
        var sending = Task.Run(async () =>
        {
            for (var i = 0; i < calls; i++)
            {
                await slots.WaitAsync();
                if (operation == RawSockets.Pull)
                    BinaryPrimitives.WriteInt32BigEndian(_sendBuffer.AsSpan(5), bytes);
                await RawSockets.SendFrameAsync(_raw, operation, _sendBuffer, operation == RawSockets.Pull ? sizeof(int) : bytes);
            }
        });
        for (var i = 0; i < calls; i++)
        {
            await RawSockets.ReceiveFrameAsync(_raw, _receiveBuffer);
            slots.Release();
        }
        await sending;
    }
}
