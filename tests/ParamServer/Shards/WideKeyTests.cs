using DistSgd.Learning.Models;
using DistSgd.Learning.Optimizers;
using DistSgd.ParamServer.Shards;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Jobs;

namespace DistSgd.ParamServer.Tests.Shards;

/// <summary>A key of k parameters behaves as k keys of one.</summary>
public sealed class WideKeyTests
{
    private const int Keys = 90;

    [Fact]
    public void KeysOfManyParameters_PushedAndPulledInEveryWay_EqualAsManyKeysOfOneParameterBitForBit()
    {
        int seed = 0;
        foreach (int width in (int[])[2, 3, 10, 26])
        {
            foreach (OptimizerKind optimizer in Enum.GetValues<OptimizerKind>())
            {
                foreach (bool sparse in (bool[])[false, true])
                {
                    foreach ((double l1, double l2) in ((double, double)[])[(0, 0), (0.02, 0), (0, 0.1), (0.01, 0.05)])
                        Compare(width, optimizer, sparse, l1, l2, ++seed);
                }
            }
        }
    }

    [Fact]
    public void KeysOfManyParameters_WrongNumberOfValues_IsRefused()
    {
        using ParameterShard shard = Jobs.Shard(Wide(3, OptimizerKind.AdaGrad, true, 0, 0));
        Assert.Contains("6 values, not 5", Assert.Throws<ParameterException>(() => shard.Push(Jobs.Gradient(1), ShardKeys.Of([1, 4]), new float[5])).Message, StringComparison.Ordinal);
        Assert.Contains("12 values, not 6", Assert.Throws<ParameterException>(() => shard.Push(Jobs.Delta(1), ShardKeys.Of([1, 4]), new float[6])).Message, StringComparison.Ordinal);
        Assert.Throws<ParameterException>(() => shard.Pull(ShardKeys.Of([1, 4]), PullPart.Values, new float[2]));
        Assert.Equal((3, 6), (shard.Floats.Of(PullPart.Values), shard.Floats.Of(PullPart.Entries)));
    }

    private static void Compare(int width, OptimizerKind optimizer, bool sparse, double l1, double l2, int seed)
    {
        using ParameterShard wide = Jobs.Shard(Wide(width, optimizer, sparse, l1, l2));
        using ParameterShard narrow = Jobs.Shard(Jobs.Make(Keys * width, optimizer, sparse, l1, l2, rate: 0.5));
        var random = new Random(seed);
        int stride = wide.Job.Stride;
        for (ulong push = 1; push <= 12; push++)
        {
            bool delta = random.Next(2) == 0;
            uint[] keys = [.. Enumerable.Range(0, Keys).Where(_ => random.Next(3) == 0).Select(key => (uint)key)];
            bool list = random.Next(2) == 0;
            int first = random.Next(Keys), count = random.Next(Keys - first + 1);
            var values = new float[(list ? keys.Length : count) * width * (delta ? stride : 1)];
            for (int i = 0; i < values.Length; i++)
                values[i] = delta && i % stride > 0 ? random.NextSingle() : random.NextSingle() - 0.5f;
            PushHeader header = delta ? Jobs.Delta(push, rateSum: 0.3) : Jobs.Gradient(push);
            Assert.True(wide.Push(header, list ? ShardKeys.Of(keys) : ShardKeys.Range(first, count), values));
            Assert.True(narrow.Push(header, list ? ShardKeys.Of(Positions(keys, width)) : ShardKeys.Range((long)first * width, count * width), values));
        }
        string what = $"seed {seed}: width {width}, {optimizer}, sparse {sparse}, l1 {l1}, l2 {l2}";
        foreach (PullPart part in Enum.GetValues<PullPart>())
        {
            uint[] some = [0, 3, 17, Keys - 1];
            AssertSame(what, Pull(narrow, ShardKeys.Range(0, Keys * width), part), Pull(wide, ShardKeys.Range(0, Keys), part));
            AssertSame(what, Pull(narrow, ShardKeys.Of(Positions(some, width)), part), Pull(wide, ShardKeys.Of(some), part));
        }
    }

    private static TrainingJob Wide(int width, OptimizerKind optimizer, bool sparse, double l1, double l2) =>
        Jobs.Make(Keys, optimizer, sparse, l1, l2, rate: 0.5) with { Model = ModelSpec.Of(ModelKind.Softmax, outputs: width) };

    private static uint[] Positions(uint[] keys, int width) =>
        [.. keys.SelectMany(key => Enumerable.Range(0, width).Select(part => key * (uint)width + (uint)part))];

    private static float[] Pull(ParameterShard shard, ShardKeys keys, PullPart part)
    {
        var packed = new float[keys.Count * shard.Floats.Of(part)];
        shard.Pull(keys, part, packed);
        return packed;
    }

    private static void AssertSame(string what, float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i]), $"{what}: float {i} is {actual[i]:R}, expected {expected[i]:R}");
        Assert.Contains(actual, value => value != 0);
    }
}
