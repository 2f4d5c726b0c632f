using DistSgd.Learning.Csv;
using DistSgd.Learning.Data;

namespace DistSgd.Learning.Tests.Csv;

public sealed class SmallSortTests
{
    [Fact]
    public void Apply_EveryLength_WithEqualOnes_SortsAsTheRuntimeDoes()
    {
        var random = new SeededRandom(1);
        for (int length = 0; length <= 70; length++)
        {
            foreach (int values in (int[])[3, 1 << 24])
            {
                uint[] features = [.. Enumerable.Range(0, length).Select(_ => (uint)random.Next(values))], expected = [.. features.Order()];
                SmallSort.Apply(features);
                Assert.Equal(expected, features);
            }
        }
    }
}
