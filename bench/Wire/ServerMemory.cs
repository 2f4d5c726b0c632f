using System.Diagnostics;
using DistSgd.Bench.Kernels;

namespace DistSgd.Bench.Wire;

/// <summary>A server's resident memory, beside its stated bound (docs/wire.md, "Memory").</summary>
/// <param name="processId">The server's process.</param>
internal sealed class ServerMemory(int processId)
{
    // What a server takes before it is asked for anything: the runtime, its code, the garbage collector's reserve.
    private const long ProgramBytes = 256L << 20;

    // Memory that is kept for reuse: blocks of the transport, whole messages.
    private const long PoolBytes = 192L << 20;

    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);

    /// <summary>What the benchmark's server holds whatever its clients do, at most.</summary>
    public static long FixedBytes => ProgramBytes + PoolBytes + StreamBench.ShardBytes;

    /// <summary>Now.</summary>
    public long Bytes
    {
        get
        {
            using Process server = Process.GetProcessById(processId);
            return server.WorkingSet64;
        }
    }

    /// <summary>Looks at it until the time is over and enough was done; a client that fails ends it.</summary>
    /// <returns>The most that was seen, and how long it took.</returns>
    public async Task<(long Peak, double Seconds)> WatchAsync(IReadOnlyList<Task> clients, TimeSpan atLeast, Func<bool> isEnough)
    {
        long started = Stopwatch.GetTimestamp(), peak = Bytes;
        while (Stopwatch.GetElapsedTime(started) < atLeast || !isEnough())
        {
            Task first = await Task.WhenAny([Task.Delay(LookEvery), .. clients]);
            peak = Math.Max(peak, Bytes);
            if (clients.Contains(first))
                await first;
        }
        return (peak, Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    /// <summary>Writes what was seen.</summary>
    /// <exception cref="InvalidOperationException">It was more than the bound.</exception>
    public static void Show(string when, long peak, long bound, Action<BenchRow> sink)
    {
        string limit = $"server's memory {when}, stated bound";
        sink(new BenchRow(limit, Mebi(bound), "MiB", "", 1));
        sink(new BenchRow($"server's memory {when}, highest", Mebi(peak), "MiB", limit, peak / (double)bound));
        if (peak > bound)
            throw new InvalidOperationException($"The server held {Mebi(peak):F0} MiB {when}; its bound is {Mebi(bound):F0} MiB.");
    }

    private static double Mebi(long bytes) => bytes / (double)(1 << 20);
}
