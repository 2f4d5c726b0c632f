using System.Diagnostics;
using DistSgd.Bench.Kernels;
using DistSgd.ParamServer.Services;
using DistSgd.Protos.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace DistSgd.Bench.Wire;

/// <summary>What a server holds while calls with large messages come faster than their memory allows, so that some are refused.</summary>
/// <param name="memory">The server's.</param>
/// <param name="port">Its port.</param>
internal sealed class CallSoak(ServerMemory memory, int port)
{
    private const int Pullers = 8;
    private const int Pushers = 8;
    private const int Floats = 8 << 20;

    // Blocks of the transport that the garbage collector hasn't taken yet.
    private const long LeftBytes = 256L << 20;

    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(200);

    private readonly CancellationTokenSource _stop = new();
    private long _answered;
    private long _refused;

    /// <summary>Works on the server until the time is over and so many calls were answered, and writes what it held.</summary>
    /// <param name="limits">The server's.</param>
    /// <param name="atLeast">How long.</param>
    /// <param name="callsMin">How many calls.</param>
    /// <param name="sink">Receives the figures.</param>
    public async Task RunAsync(ServerLimits limits, TimeSpan atLeast, long callsMin, Action<BenchRow> sink)
    {
        var push = new PushRequest { Job = StreamBench.JobName, Push = new Push { Kind = PushKind.Delta, Keys = new ShardKeys { Count = Floats }, Values = UnsafeByteOperations.UnsafeWrap(new byte[Floats * sizeof(float)]) } };
        var pull = new PullRequest { Job = StreamBench.JobName, Pull = new Pull { Keys = new ShardKeys { Count = Floats } } };
        Task[] clients =
        [
            .. Enumerable.Range(0, Pullers).Select(_ => RepeatAsync(async calls => await calls.PullAsync(pull, cancellationToken: _stop.Token))),
            .. Enumerable.Range(1, Pushers).Select(source => RepeatAsync(async calls =>
            {
                PushRequest one = push.Clone();
                one.Push.Name = new PushName { Source = (ulong)source + 1000, Sequence = (ulong)Stopwatch.GetTimestamp() };
                await calls.PushAsync(one, cancellationToken: _stop.Token);
            })),
        ];
        (long peak, double seconds) = await memory.WatchAsync(clients, atLeast, () => Interlocked.Read(ref _answered) >= callsMin);
        await _stop.CancelAsync();
        await Task.WhenAll(clients);
        ServerMemory.Show($"under {Pullers} pullers and {Pushers} pushers of {Floats * sizeof(float) >> 20} MiB a call", peak, ServerMemory.FixedBytes + (2 * limits.CallMemoryBytesMax) + LeftBytes, sink);
        sink(new BenchRow("large calls answered", _answered / seconds, "1/s", "", 1));
        sink(new BenchRow("large calls refused, since others held the memory", _refused / seconds, "1/s", "", 1));
    }

    private async Task RepeatAsync(Func<Parameters.ParametersClient, Task> call)
    {
        using GrpcChannel channel = GrpcChannel.ForAddress($"http://127.0.0.1:{port}", new GrpcChannelOptions { MaxReceiveMessageSize = null });
        var calls = new Parameters.ParametersClient(channel);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await call(calls);
                Interlocked.Increment(ref _answered);
            }
            catch (RpcException refused) when (refused.StatusCode == StatusCode.ResourceExhausted)
            {
                Interlocked.Increment(ref _refused);
                await Task.WhenAny(Task.Delay(RetryAfter, _stop.Token));
            }
            catch (RpcException ended) when (_stop.IsCancellationRequested && ended.StatusCode == StatusCode.Cancelled)
            {
                return;
            }
        }
    }
}
