using DistSgd.Bench.Kernels;
using DistSgd.Protos.V1;
using DistSgd.Shared.Exchange;
using Grpc.Core;
using Grpc.Net.Client;

namespace DistSgd.Bench.Wire;

/// <summary>
/// What a server holds while clients misbehave: streams that push as fast as they are let, streams that are read slowly, streams that are never
/// read. The server's resident memory is looked at all the while, beside its stated bound (docs/wire.md, "Memory").
/// </summary>
/// <param name="memory">The server's.</param>
/// <param name="port">Its port.</param>
internal sealed class StreamSoak(ServerMemory memory, int port)
{
    private const int Floods = 4;
    private const int PushesAFlood = 32;
    private const int PushFloats = 256 << 10;
    private const int SlowReaders = 4;
    private const int MuteReaders = 24;
    private const int PullFloats = 256 << 10;
    private const int Mebi = 1 << 20;

    // A stream's share without key sets, and the HTTP/2 windows of its connection.
    private const long StreamBytes = 5L * Mebi + 2L * Mebi;

    private static readonly TimeSpan ReadEvery = TimeSpan.FromMilliseconds(50);

    private readonly CancellationTokenSource _stop = new();
    private readonly float[] _values = new float[PushFloats];
    private long _pushes;
    private long _reads;

    /// <summary>Works on the server until the time is over and so many pushes were answered, and writes what it held.</summary>
    /// <param name="atLeast">How long.</param>
    /// <param name="pushesMin">How many pushes.</param>
    /// <param name="sink">Receives the figures.</param>
    public async Task RunAsync(TimeSpan atLeast, long pushesMin, Action<BenchRow> sink)
    {
        sink(new BenchRow("server's memory before", memory.Bytes / (double)Mebi, "MiB", "", 1));
        Task[] clients = [.. Enumerable.Range(0, Floods).Select(FloodAsync), .. Enumerable.Range(0, SlowReaders + MuteReaders).Select(i => ReadSlowlyAsync(isMute: i >= SlowReaders))];
        (long peak, double seconds) = await memory.WatchAsync(clients, atLeast, () => Interlocked.Read(ref _pushes) >= pushesMin);
        await _stop.CancelAsync();
        await Task.WhenAll(clients.Select(EndedAsync));
        ServerMemory.Show("under floods and slow readers", peak, ServerMemory.FixedBytes + (Floods + SlowReaders + MuteReaders) * StreamBytes, sink);
        sink(new BenchRow($"1-MiB pushes answered to {Floods} floods", _pushes / seconds, "1/s", "", 1));
        sink(new BenchRow($"messages read by {SlowReaders} slow readers, beside {MuteReaders} mute ones", _reads / seconds, "1/s", "", 1));
    }

    private async Task FloodAsync(int source)
    {
        await using GrpcParameterClient client = StreamBench.Connect(port);
        KeySet keys = KeySet.Range(0, PushFloats);
        long sequence = 0;
        await Task.WhenAll(Enumerable.Range(0, PushesAFlood).Select(async _ =>
        {
            var exchange = new ParameterExchange(1) { PushKind = Shared.Exchange.PushKind.Delta, PushKeys = keys, PushValues = _values };
            while (!_stop.IsCancellationRequested)
            {
                exchange.PushName = new Shared.Exchange.PushName((ulong)source + 100, (ulong)Interlocked.Increment(ref sequence));
                await client.ExecuteAsync(exchange, _stop.Token);
                Interlocked.Increment(ref _pushes);
            }
        }));
    }

    // Asks for as much as its credit allows, and more than it reads.
    private async Task ReadSlowlyAsync(bool isMute)
    {
        using GrpcChannel channel = GrpcChannel.ForAddress($"http://127.0.0.1:{port}");
        using AsyncDuplexStreamingCall<ClientFrames, ServerFrames> call = new Parameters.ParametersClient(channel).Exchange(cancellationToken: _stop.Token);
        var hello = new Hello { Job = StreamBench.JobName, Version = 1, Wanted = new Credit { KeySets = 1, KeySetBytes = 1 } };
        await call.RequestStream.WriteAsync(new ClientFrames { Frames = { new ClientFrame { Hello = hello } } });
        await call.ResponseStream.MoveNext(_stop.Token);
        long exchanges = call.ResponseStream.Current.Frames[0].Welcome.Granted.Exchanges;
        for (ulong id = 1; id <= (ulong)exchanges; id++)
            await AskAsync(call, id);
        for (ulong id = (ulong)exchanges + 1; ; id++)
        {
            await Task.Delay(isMute ? Timeout.InfiniteTimeSpan : ReadEvery, _stop.Token);
            await call.ResponseStream.MoveNext(_stop.Token);
            Interlocked.Increment(ref _reads);
            await AskAsync(call, id);
        }
    }

    private Task AskAsync(AsyncDuplexStreamingCall<ClientFrames, ServerFrames> call, ulong id)
    {
        var pull = new Pull { Keys = new ShardKeys { Count = PullFloats } };
        return call.RequestStream.WriteAsync(new ClientFrames { Frames = { new ClientFrame { Exchange = new StreamExchange { Id = id, Pull = pull } } } }, _stop.Token);
    }

    private async Task EndedAsync(Task client)
    {
        try
        {
            await client;
        }
        catch (Exception ended) when (_stop.IsCancellationRequested && ended is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            // It was told to.
        }
    }
}
