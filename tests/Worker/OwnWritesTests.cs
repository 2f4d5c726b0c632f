using DistSgd.Shared.Exchange;

namespace DistSgd.Worker.Tests;

public sealed class OwnWritesTests
{
    [Theory]
    [InlineData(30)]
    [InlineData(OwnWrites.SpreadFloatsMax + 1)]
    public void Add_RandomSetsOfKeys_EqualsADictionary(long keyCount)
    {
        OwnWrites[] ofStride = [new OwnWrites(keyCount, 1), new OwnWrites(keyCount, 2)];
        for (int seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            int stride = random.Next(1, 3);
            KeySet pushedKeys = Keys(random), pulledKeys = Keys(random);
            float[] pushed = Floats(random, pushedKeys.Count * stride), pulled = Floats(random, pulledKeys.Count * stride);
            float[] expected = [.. pulled];
            for (int j = 0; j < pulledKeys.Count; j++)
            {
                int i = pushedKeys.Keys.IndexOf(pulledKeys.Keys[j]);
                for (int k = 0; i >= 0 && k < stride; k++)
                    expected[j * stride + k] += pushed[i * stride + k];
            }
            ofStride[stride - 1].Add(pushedKeys, pushed, pulledKeys, pulled);
            Assert.True(expected.AsSpan().SequenceEqual(pulled), $"seed {seed}");
        }
    }

    [Fact]
    public void Add_WholeRanges_AddsFloatByFloat()
    {
        float[] pushed = [1, 2, 3, 4], pulled = [10, 20, 30, 40];
        new OwnWrites(2, 2).Add(KeySet.Range(0, 2), pushed, KeySet.Range(0, 2), pulled);
        Assert.Equal((float[])[11, 22, 33, 44], pulled);
    }

    private static KeySet Keys(Random random) => KeySet.List([.. Enumerable.Range(0, 30).Where(_ => random.Next(3) == 0).Select(key => (uint)key)]);

    private static float[] Floats(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.NextDouble())];
}
