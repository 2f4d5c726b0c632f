using DistSgd.Learning.Data;

namespace DistSgd.Learning.Tests.Data;

public sealed class SeededRandomTests
{
    [Fact]
    public void SplitMix_FromZero_GivesThePublishedNumbers()
    {
        // The first outputs of SplitMix64 for the seed 0.
        const ulong Golden = 0x9E3779B97F4A7C15UL;
        Assert.Equal(0xE220A8397B1DCDAFUL, SeededRandom.Mix(Golden));
        Assert.Equal(0x6E789E6AA1B965F4UL, SeededRandom.Mix(unchecked(2 * Golden)));
    }

    [Fact]
    public void Numbers_OfOneSeed_AreTheSameAndOfOthersNot()
    {
        var a = new SeededRandom(42);
        var b = new SeededRandom(42);
        for (int i = 0; i < 100; i++) Assert.Equal(a.NextUInt64(), b.NextUInt64());
        Assert.NotEqual(a.NextUInt64(), new SeededRandom(43).NextUInt64());
        Assert.NotEqual(new SeededRandom(42, 1).NextUInt64(), new SeededRandom(42, 2).NextUInt64());
    }

    [Fact]
    public void Gaussian_HasItsMoments()
    {
        var random = new SeededRandom(1);
        double sum = 0, squares = 0, fourth = 0;
        const int N = 400_000;
        for (int i = 0; i < N; i++)
        {
            double x = random.NextGaussian();
            sum += x;
            squares += x * x;
            fourth += x * x * x * x;
        }
        Assert.InRange(sum / N, -0.01, 0.01);
        Assert.InRange(squares / N, 0.99, 1.01);
        Assert.InRange(fourth / N, 2.9, 3.1);
    }

    [Fact]
    public void Shuffle_IsAPermutationAndUniform()
    {
        var counts = new int[24];
        var random = new SeededRandom(7);
        int[] items = new int[4];
        for (int i = 0; i < 24_000; i++)
        {
            for (int j = 0; j < 4; j++) items[j] = j;
            random.Shuffle(items);
            Assert.Equal([0, 1, 2, 3], items.Order());
            counts[(items[0] * 6) + (items.Skip(1).Count(x => x < items[1]) * 2) + (items[2] < items[3] ? 0 : 1)]++;
        }
        Assert.All(counts, c => Assert.InRange(c, 850, 1150));
    }

    [Fact]
    public void PortableMath_AgreesWithTheLibrary()
    {
        var random = new Random(2);
        for (int i = 0; i < 20_000; i++)
        {
            double x = (random.NextDouble() - 0.5) * 1400;
            Assert.InRange(PortableMath.Exp(x) / Math.Exp(x), 1 - 2e-15, 1 + 2e-15);
            double y = Math.Pow(10, (random.NextDouble() - 0.5) * 600);
            Assert.InRange(PortableMath.Log(y) - Math.Log(y), -4e-16 * (1 + Math.Abs(Math.Log(y))), 4e-16 * (1 + Math.Abs(Math.Log(y))));
        }
    }
}
