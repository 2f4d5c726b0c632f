using System.Text;
using DistSgd.Kernels.Text;
using DistSgd.Learning.Data;

namespace DistSgd.Learning.Tests.Data;

public sealed class LibsvmFuzzTests
{
    [Fact]
    public void Read_RandomText_EqualsSplitAndFloatParse() => Fuzz(seed: 20250101, rounds: 300, mutations: 0);

    [Fact]
    public void Read_MutatedText_EqualsSplitAndFloatParseOrBothFail() => Fuzz(seed: 77, rounds: 700, mutations: 3);

    [Fact]
    public void DecimalText_RandomNumbers_EqualFloatParse()
    {
        var random = new Random(5);
        for (int i = 0; i < 150_000; i++)
        {
            string token = RandomText.Number(random);
            Assert.True(DecimalText.TryParse(Encoding.ASCII.GetBytes(token), out float actual), token);
            Assert.True(BitConverter.SingleToInt32Bits(float.Parse(token)) == BitConverter.SingleToInt32Bits(actual), $"{token}: {actual:R}, expected {float.Parse(token):R}");
        }
    }

    [Fact]
    public void DecimalText_MidpointsOfFloatsAndTheirNeighbours_EqualFloatParse()
    {
        var random = new Random(6);
        for (int i = 0; i < 15_000; i++)
        {
            float below = BitConverter.Int32BitsToSingle(random.Next(0x7F7FFFFF));
            double midpoint = ((double)below + BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(below) + 1)) / 2;
            foreach (double near in (double[])[midpoint, Math.BitIncrement(midpoint), Math.BitDecrement(midpoint)])
            {
                string token = near.ToString(random.Next(2) == 0 ? "R" : $"E{random.Next(15, 25)}");
                Assert.True(DecimalText.TryParse(Encoding.ASCII.GetBytes(token), out float actual), token);
                Assert.True(BitConverter.SingleToInt32Bits(float.Parse(token)) == BitConverter.SingleToInt32Bits(actual), $"{token}: {actual:R}, expected {float.Parse(token):R}");
            }
        }
    }

    [Fact]
    public void Read_AllShortDecimals_EqualFloatParse()
    {
        var text = new StringBuilder();
        var expected = new List<float>();
        foreach (string sign in (string[])["", "-"])
            for (int digits = 1; digits <= 4; digits++)
                for (int number = 0; number < Math.Pow(10, digits); number += digits == 4 ? 7 : 1)
                    for (int point = 0; point <= digits; point++)
                    {
                        string all = number.ToString().PadLeft(digits, '0');
                        string token = sign + (point == digits ? all : $"{all[..point]}.{all[point..]}");
                        text.Append("1 7:").Append(token).Append('\n');
                        expected.Add(float.Parse(token));
                    }
        using var file = new TempFile(text.ToString());
        using var data = LibsvmReader.Read(file.Path);
        Assert.Equal(expected, data.Segments.SelectMany(s => s.Values.ToArray()));
    }

    [Fact]
    public void Read_ShortDecimalsBesideMidpoints_EqualFloatParse()
    {
        // One in some hundred of these lies so near a midpoint of two floats that its nearest double is the midpoint itself; float.Parse decides those.
        var random = new Random(8);
        var text = new StringBuilder();
        var expected = new List<float>();
        for (int i = 0; i < 60_000; i++)
        {
            double midpoint = 1 + (((2L * random.Next(1 << 23)) + 1) * Math.Pow(2, -24));
            string token = midpoint.ToString("F13");
            text.Append("1 1:").Append(token).Append('\n');
            expected.Add(float.Parse(token));
        }
        using var file = new TempFile(text.ToString());
        using var data = LibsvmReader.Read(file.Path);
        Assert.Equal(expected, data.Segments.SelectMany(s => s.Values.ToArray()));
    }

    private static void Fuzz(int seed, int rounds, int mutations)
    {
        for (int round = 0; round < rounds; round++)
        {
            var random = new Random(unchecked((seed * 1_000_003) + round));
            string text = RandomText.Lines(random, mutations);
            var indexBase = (IndexBase)random.Next(3);
            var options = new ReadOptions
            {
                IndexBase = indexBase,
                Threads = random.Next(1, 4),
                BlockBytes = random.Next(1, 300),
                ThreadBytesMin = 64,
                SegmentBytesMax = random.Next(4) == 0 ? 64 : 1 << 20,
            };
            string context = $"seed {seed}, round {round}, {options}, text \"{text.Replace("\n", "\\n")}\"";
            var expected = DumbLibsvm.Parse(text, indexBase, out _);
            using var file = new TempFile(text.Length == 0 ? "\n" : text);
            try
            {
                using var data = LibsvmReader.Read(file.Path, options);
                Assert.True(expected is not null, $"{context}: accepted, but the twin refuses it");
                RowsOf.AssertSame(expected, RowsOf.Data(data), context);
            }
            catch (DatasetException error)
            {
                Assert.True(expected is null, $"{context}: refused ({error.Message}), but the twin accepts it");
            }
        }
    }
}
