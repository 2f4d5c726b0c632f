using DistSgd.Learning.Optimizers;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Exchange;

namespace DistSgd.ParamServer.Tests.Shards;

public sealed class AgingTests
{
    private const int Features = 40;

    [Fact]
    public void Lazy_RandomPushes_EqualsEagerWithin1e5Relative()
    {
        (double L1, double L2)[] strengths = [(0, 0.05), (0.002, 0), (0.001, 0.02)];
        for (int seed = 0; seed < 12; seed++)
        {
            // One count a table and one a parameter are two rules, and FTRL has its regulariser in itself.
            foreach (RuleForm form in UpdateRules.All.Where(form => form.Whole == form.PerKey && !form.Facts.OwnsRegularizer))
            {
                foreach ((double l1, double l2) in strengths)
                    AssertLazyEqualsEager(seed, form, l1, l2);
            }
        }
    }

    [Fact]
    public void Lazy_PullsBetweenPushes_ChangeNothing()
    {
        foreach (OptimizerKind optimizer in Enum.GetValues<OptimizerKind>())
        {
            using ParameterShard read = Jobs.Shard(Jobs.Make(Features, optimizer, sparse: true, l1: 0.001, l2: 0.05));
            using ParameterShard unread = Jobs.Shard(Jobs.Make(Features, optimizer, sparse: true, l1: 0.001, l2: 0.05));
            var random = new Random(5);
            for (ulong sequence = 1; sequence <= 50; sequence++)
            {
                (uint[] keys, float[] gradient) = Draw(random);
                read.Push(Jobs.Gradient(sequence), ShardKeys.Of(keys), gradient);
                unread.Push(Jobs.Gradient(sequence), ShardKeys.Of(keys), gradient);
                Jobs.Values(read);
                Jobs.Entries(read);
            }
            Assert.Equal(Jobs.Values(unread), Jobs.Values(read));
        }
    }

    [Fact]
    public void Pull_ListsRangesAndEntries_SeeTheSameRegularisedValues()
    {
        foreach (OptimizerKind optimizer in Enum.GetValues<OptimizerKind>())
        {
            using ParameterShard shard = Jobs.Shard(Jobs.Make(Features, optimizer, sparse: true, l1: 0.001, l2: 0.05));
            int stride = shard.Floats.Of(PullPart.Entries);
            var random = new Random(6);
            for (ulong sequence = 1; sequence <= 30; sequence++)
            {
                (uint[] keys, float[] gradient) = Draw(random);
                shard.Push(Jobs.Gradient(sequence), ShardKeys.Of(keys), gradient);
            }
            float[] values = Jobs.Values(shard), entries = Jobs.Entries(shard), listed = new float[Features + 1];
            shard.Pull(ShardKeys.Of([.. Enumerable.Range(0, Features + 1).Select(key => (uint)key)]), PullPart.Values, listed);
            Assert.Equal(values, listed);
            Assert.Equal(values, (float[])[.. Enumerable.Range(0, Features + 1).Select(key => entries[key * stride])]);
        }
    }

    [Fact]
    public void L1_WeightsThatNothingHolds_BecomeExactlyZeroAndKeepTheirSignUntilThen()
    {
        foreach (bool sparse in (bool[])[false, true])
        {
            foreach (double l2 in (double[])[0, 0.1])
            {
                using ParameterShard shard = Jobs.Shard(Jobs.Make(Features, sparse: sparse, l1: 0.01, l2: l2, rate: 1));
                shard.Push(Jobs.Delta(1), ShardKeys.Range(0, 2), [0.055f, -0.055f]);
                for (ulong sequence = 2; sequence <= 12; sequence++)
                {
                    float[] values = Jobs.Values(shard);
                    Assert.True(values[0] >= 0 && values[1] == -values[0], $"sparse {sparse}, l2 {l2}, push {sequence}: {values[0]}, {values[1]}");
                    shard.Push(Jobs.Gradient(sequence), ShardKeys.Range(Features - 1, 1), [0f]);
                }
                Assert.Equal(0f, Jobs.Values(shard)[0]);
                Assert.Equal(0f, Jobs.Values(shard)[1]);
            }
        }
    }

    [Fact]
    public void L2_OneWeightLeftAlone_DecaysAsTheExponentialOfTheRates()
    {
        foreach (bool sparse in (bool[])[false, true])
        {
            using ParameterShard shard = Jobs.Shard(Jobs.Make(Features, sparse: sparse, l2: 0.1, rate: 0.5));
            shard.Push(Jobs.Delta(1), ShardKeys.Range(0, 1), [2f]);
            for (ulong sequence = 2; sequence <= 21; sequence++)
                shard.Push(Jobs.Gradient(sequence), ShardKeys.Range(7, 1), [0f]);
            Assert.Equal(2 * Math.Exp(-0.1 * 0.5 * 20), Jobs.Values(shard)[0], 1e-5);
        }
    }

    [Fact]
    public void Bias_IsNeverRegularised()
    {
        foreach (bool sparse in (bool[])[false, true])
        {
            foreach (OptimizerKind optimizer in Enum.GetValues<OptimizerKind>())
            {
                using ParameterShard shard = Jobs.Shard(Jobs.Make(Features, optimizer, sparse, l1: 1, l2: 1, rate: 1));
                float[] entry = new float[shard.Floats.Of(PullPart.Entries)];
                entry[0] = 3f;
                shard.Push(Jobs.Delta(1), ShardKeys.Range(Features, 1), entry);
                for (ulong sequence = 2; sequence <= 10; sequence++)
                    shard.Push(Jobs.Gradient(sequence), ShardKeys.Range(0, Features), new float[Features]);
                Assert.Equal(3f, Jobs.Values(shard)[Features]);
            }
        }
    }

    private static void AssertLazyEqualsEager(int seed, RuleForm form, double l1, double l2)
    {
        // What L1 takes off a parameter that drifts isn't the same before and after the drift.
        if (form.Whole.Drifts && l1 > 0)
            return;
        OptimizerKind optimizer = form.Kind;
        using ParameterShard lazy = Jobs.Shard(Jobs.Make(Features, optimizer, sparse: true, l1, l2, rate: 0.1));
        using ParameterShard eager = Jobs.Shard(Jobs.Make(Features, optimizer, sparse: false, l1, l2, rate: 0.1));
        var random = new Random(seed);
        for (ulong sequence = 1; sequence <= 120; sequence++)
        {
            (uint[] keys, float[] gradient) = Draw(random);
            lazy.Push(Jobs.Gradient(sequence, step: (long)sequence), ShardKeys.Of(keys), gradient);
            if (form.Whole.Drifts)
                eager.Push(Jobs.Gradient(sequence, step: (long)sequence), ShardKeys.Range(0, Features + 1), Whole(keys, gradient));
            else
                eager.Push(Jobs.Gradient(sequence, step: (long)sequence), ShardKeys.Of(keys), gradient);
        }
        float[] expected = Jobs.Values(eager), actual = Jobs.Values(lazy);
        double size = expected.Max(MathF.Abs);
        for (int key = 0; key < expected.Length; key++)
        {
            // Relative to the value; near 0, where L1 stops it, to the vector's size.
            double allowed = 1e-5 * Math.Max(Math.Abs(expected[key]), 0.1 * size);
            Assert.True(Math.Abs(expected[key] - actual[key]) <= allowed, $"seed {seed}, {optimizer}, l1 {l1}, l2 {l2}, key {key}: lazy {actual[key]:R}, eager {expected[key]:R}");
        }
    }

    private static float[] Whole(uint[] keys, float[] gradient)
    {
        var whole = new float[Features + 1];
        for (int i = 0; i < keys.Length; i++)
            whole[keys[i]] = gradient[i];
        return whole;
    }

    private static (uint[] Keys, float[] Gradient) Draw(Random random)
    {
        uint[] keys = [.. Enumerable.Range(0, Features).Where(_ => random.Next(8) == 0).Select(key => (uint)key), Features];
        return (keys, [.. keys.Select(key => (float)(random.NextDouble() - 0.5 + (key % 5) * 0.1))]);
    }
}
