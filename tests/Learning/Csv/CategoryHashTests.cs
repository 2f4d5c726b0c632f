using System.Text;
using DistSgd.Learning.Csv;

namespace DistSgd.Learning.Tests.Csv;

/// <summary>The hash of categories beside FNV-1a and SplitMix64 written out.</summary>
public sealed class CategoryHashTests
{
    private const ulong Prime = 0x100000001B3;

    [Fact]
    public void Field_OfAnyLength_HasTheHashOfItsBytes_WhereverTheTextEnds()
    {
        var random = new Random(1);
        for (int length = 1; length <= 40; length++)
        {
            byte[] content = [.. Enumerable.Range(0, length).Select(_ => (byte)random.Next('a', 'm'))];
            ulong begin = CategoryHash.Begin($"column {length}", 7), state = begin;
            foreach (byte value in content)
                state = (state ^ value) * Prime;
            foreach (string end in (string[])[",", "\n", "\r\n", ",next\n", ",a much longer field behind it, and another\n"])
            {
                Assert.Equal(length, CategoryHash.Field(begin, [.. content, .. Encoding.ASCII.GetBytes(end)], (byte)',', out ulong hash));
                Assert.Equal(CategoryHash.Of(begin, content), hash);
                Assert.Equal(Mixed(state), hash);
            }
        }
    }

    [Theory]
    [InlineData(",")]
    [InlineData("\n")]
    [InlineData("NA,")]
    [InlineData("null,x")]
    [InlineData("?,and so on and so on and so on")]
    [InlineData(" a,")]
    [InlineData("a ,")]
    [InlineData("\"a\",")]
    public void Field_ThatMayBeMissingOrIsWrittenOtherwise_IsLeftAlone(string text) =>
        Assert.Equal(0, CategoryHash.Field(1, Encoding.ASCII.GetBytes(text), (byte)',', out _));

    // SplitMix64's output function (Steele, Lea and Flood 2014).
    private static ulong Mixed(ulong state)
    {
        ulong z = state + 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
