using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace DistSgd.Bench.Kernels;

/// <summary>
/// Times several pieces of work against each other on a machine that others use too: they run in turn, round after round, and
/// the shortest time of each counts. A chain of dependent additions of known length runs in every round; its shortest time
/// says how long a processor cycle is.
/// </summary>
internal sealed class Stopclock
{
    private const int ChainCycles = 1 << 18;
    private readonly List<(string Name, Action Work)> _works = [];
    private readonly Dictionary<string, double> _seconds = [];

    /// <summary>Seconds per processor cycle.</summary>
    public double CycleSeconds { get; private set; } = double.PositiveInfinity;

    /// <summary>The shortest time of a piece of work, in seconds.</summary>
    public double this[string name] => _seconds[name];

    public IEnumerable<string> Names => _works.Select(w => w.Name);

    public void Add(string name, Action work) => _works.Add((name, work));

    public void Run(int rounds)
    {
        for (var round = 0; round < rounds; round++)
        {
            CycleSeconds = Math.Min(CycleSeconds, Time(() => Chain(ChainCycles, 3)) / ChainCycles);
            foreach (var (name, work) in _works)
            {
                var seconds = Time(work);
                _seconds[name] = _seconds.TryGetValue(name, out var best) ? Math.Min(best, seconds) : seconds;
            }
        }
    }

    private static double Time(Action work)
    {
        var start = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    // Each of the 16 operations waits for the one before it, and each takes one cycle.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static long Chain(int cycles, long step)
    {
        long x = 1;
        for (var i = 0; i < cycles; i += 16)
        {
            x = (x ^ step) + step;
            x = (x ^ step) + step;
            x = (x ^ step) + step;
            x = (x ^ step) + step;
            x = (x ^ step) + step;
            x = (x ^ step) + step;
            x = (x ^ step) + step;
            x = (x ^ step) + step;
        }

        return x;
    }
}
