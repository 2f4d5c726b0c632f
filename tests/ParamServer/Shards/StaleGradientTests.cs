using DistSgd.Learning.Optimizers;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;

namespace DistSgd.ParamServer.Tests.Shards;

/// <summary>What is done about gradients that others overtook.</summary>
public sealed class StaleGradientTests
{
    [Fact]
    public void StalenessAware_AGradientThatThreePushesOvertook_IsAppliedAtAQuarterOfTheRate()
    {
        TrainingJob job = Jobs.Make(rate: 1);
        using ParameterShard plain = Jobs.Shard(job), aware = Jobs.Shard(job with { Rule = job.Rule with { StalenessAware = true } });
        foreach (ParameterShard shard in (ParameterShard[])[plain, aware])
        {
            for (ulong i = 1; i <= 3; i++)
                shard.Push(Jobs.Gradient(i, readVersion: shard.Version), ShardKeys.Range(0, 1), [1f]);
            shard.Push(Jobs.Gradient(1, source: 2, readVersion: 0), ShardKeys.Range(0, 1), [1f]);
            // From the future: fresh.
            shard.Push(Jobs.Gradient(2, source: 2, readVersion: 100), ShardKeys.Range(0, 1), [1f]);
        }
        Assert.Equal(-5f, Jobs.Values(plain)[0]);
        Assert.Equal(-4.25f, Jobs.Values(aware)[0]);
    }

    [Fact]
    public void DelayCompensation_AddsTheSquaredGradientTimesWhatChangedSince()
    {
        foreach (bool sparse in (bool[])[false, true])
        {
            foreach (bool list in (bool[])[false, true])
            {
                TrainingJob job = Jobs.Make(600, sparse: sparse, rate: 1);
                using ParameterShard shard = Jobs.Shard(job with { Rule = job.Rule with { DelayCompensation = 0.1f } });
                ShardKeys keys = list ? ShardKeys.Of([.. Enumerable.Range(0, 500).Select(key => (uint)key)]) : ShardKeys.Range(0, 500);
                shard.Push(Jobs.Delta(1), keys, [.. Enumerable.Repeat(0.5f, 500)]);
                // Computed at 1; the value is 0.5 by now: g' = 2 + 0.1·4·(0.5 − 1) = 1.8.
                shard.Push(Jobs.Gradient(2) with { Kind = PushKind.GradientAtPoint }, keys, [.. Enumerable.Range(0, 1000).Select(i => i % 2 == 0 ? 2f : 1f)]);
                float[] values = Jobs.Values(shard);
                Assert.All(values[..500], value => Assert.Equal(0.5f - 1.8f, value, 1e-6f));
                Assert.All(values[500..], value => Assert.Equal(0f, value));
            }
        }
    }

    [Fact]
    public void DelayCompensation_WithoutThePoints_IsRefused()
    {
        using ParameterShard shard = Jobs.Shard(Jobs.Make());
        Assert.Contains("needs 4 values, not 2", Assert.Throws<ParameterException>(() => shard.Push(Jobs.Gradient(1) with { Kind = PushKind.GradientAtPoint }, ShardKeys.Range(0, 2), [1f, 1f])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_OfEveryRule_IsParametersTimesOneAndItsSlots_AndLessThan200Bytes()
    {
        foreach (RuleForm form in UpdateRules.All)
        {
            foreach (bool sparse in (bool[])[false, true])
            {
                TrainingJob job = Jobs.Make(10_000, form.Kind, sparse);
                using ParameterShard shard = Jobs.Shard(job);
                Assert.InRange(shard.Bytes - job.KeyCount * (1 + form.Kernel(sparse).Slots) * sizeof(float), 0, 200);
            }
        }
    }
}
