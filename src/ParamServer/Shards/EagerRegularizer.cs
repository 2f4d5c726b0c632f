using DistSgd.Kernels;
using DistSgd.Learning.Optimizers;
using DistSgd.Shared.Sharding;

namespace DistSgd.ParamServer.Shards;

/// <summary>Regularisation of the whole shard at each push, stripe by stripe under the stripes' locks.</summary>
internal sealed class EagerRegularizer(UpdateRule rule, ShardMemory memory) : IShardRegularizer
{
    public void BeforeTouch(in ShardKeys keys)
    {
        // All keys are always up to date.
    }

    public void Age(double rateSum)
    {
        float elapsed = (float)rateSum;
        if (elapsed == 0)
            return;
        foreach (KeyRange regularized in memory.Regularized)
            memory.ForEachStripe(regularized, (this, elapsed), static (self, keys, entries) => self.Item1.Flow(self.elapsed, entries));
    }

    public void Refresh(in ShardKeys keys, Span<float> packed, int stride)
    {
        // All keys are always up to date.
    }

    private void Flow(float elapsed, Span<float> entries)
    {
        float l1 = (float)rule.L1, l2 = (float)rule.L2;
        if (memory.Stride > 1)
        {
            RegularizationFlow.AdaptiveInterleaved(elapsed, l1, l2, rule.Delta, entries);
            return;
        }
        (float a, float b) = RegularizationFlow.Factors(l1, l2, elapsed);
        RegularizationFlow.Uniform(a, b, entries);
    }
}
