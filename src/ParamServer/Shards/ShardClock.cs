namespace DistSgd.ParamServer.Shards;

/// <summary>What has passed on one shard: the sum of learning rates, by which regularisers age parameters, and the number of steps that gradients made. Any thread.</summary>
/// <param name="steps">Steps that were made before.</param>
internal sealed class ShardClock(long steps)
{
    // Written through compare-exchange and increment by completed pushes; read anywhere, unordered with each other.
    private double _rates;
    private long _steps = steps;

    /// <summary>Sum of learning rates.</summary>
    public double Rates => Volatile.Read(ref _rates);

    /// <summary>Pushes of gradients.</summary>
    public long Steps => Volatile.Read(ref _steps);

    /// <summary>A push is complete.</summary>
    public void Pass(double rateSum, bool isStep)
    {
        if (isStep)
            Interlocked.Increment(ref _steps);
        double seen = Volatile.Read(ref _rates);
        while (true)
        {
            double found = Interlocked.CompareExchange(ref _rates, seen + rateSum, seen);
            if (found == seen)
                return;
            seen = found;
        }
    }
}
