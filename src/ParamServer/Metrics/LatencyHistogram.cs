using System.Numerics;

namespace DistSgd.ParamServer.Metrics;

/// <summary>
/// Counts of durations in buckets whose bounds are at most a quarter apart, from 100 ns to two hours. Any thread; counts are added with one interlocked operation
/// and read without a lock, so that a reader may miss what is being added.
/// </summary>
internal sealed class LatencyHistogram
{
    private const int StepsPerOctave = 4;
    private const int Octaves = 37;

    private readonly long[] _counts = new long[StepsPerOctave * Octaves];
    private long _ticks;

    /// <summary>All durations together.</summary>
    public TimeSpan Sum => new(Volatile.Read(ref _ticks));

    /// <summary>Number of durations.</summary>
    public long Count
    {
        get
        {
            long count = 0;
            for (int i = 0; i < _counts.Length; i++)
                count += Volatile.Read(ref _counts[i]);
            return count;
        }
    }

    /// <summary>Adds a duration.</summary>
    public void Add(TimeSpan duration)
    {
        Interlocked.Increment(ref _counts[Bucket(duration.Ticks)]);
        Interlocked.Add(ref _ticks, duration.Ticks);
    }

    /// <summary>Adds all of another's.</summary>
    public void Add(LatencyHistogram other)
    {
        for (int i = 0; i < _counts.Length; i++)
            Interlocked.Add(ref _counts[i], Volatile.Read(ref other._counts[i]));
        Interlocked.Add(ref _ticks, Volatile.Read(ref other._ticks));
    }

    /// <summary>The upper bound of the bucket in which the quantile lies: at most a quarter too high; null without durations.</summary>
    /// <param name="quantile">From 0 to 1.</param>
    public TimeSpan? Quantile(double quantile)
    {
        long rank = (long)Math.Ceiling(quantile * Count), seen = 0;
        for (int i = 0; i < _counts.Length; i++)
        {
            seen += Volatile.Read(ref _counts[i]);
            if (seen > 0 && seen >= rank)
                return new TimeSpan(UpperBound(i));
        }
        return null;
    }

    // Ticks 0 to 3 have a bucket each; from 4 on each power of two has four.
    private static int Bucket(long ticks)
    {
        if (ticks < StepsPerOctave)
            return (int)Math.Max(0, ticks);
        int octave = BitOperations.Log2((ulong)ticks);
        return Math.Min((StepsPerOctave * (octave - 1)) + (int)(ticks >> (octave - 2)) - StepsPerOctave, StepsPerOctave * Octaves - 1);
    }

    private static long UpperBound(int bucket)
    {
        if (bucket < StepsPerOctave)
            return bucket;
        int octave = (bucket / StepsPerOctave) + 1;
        return ((long)(bucket % StepsPerOctave) + StepsPerOctave + 1 << (octave - 2)) - 1;
    }
}
