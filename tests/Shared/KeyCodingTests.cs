using DistSgd.Shared.Wire;

namespace DistSgd.Shared.Tests;

public sealed class KeyCodingTests
{
    [Fact]
    public void Keys_OfAnyGaps_AreReadAsTheyWereWritten_AlsoByTheDumbReader()
    {
        for (int seed = 0; seed < 600; seed++)
        {
            var random = new Random(seed);
            uint first = random.Next(2) == 0 ? 0 : (uint)random.Next(1, 1000);
            uint[] keys = RandomKeys(random, first, random.Next(0, 700));
            byte[] coded = Encode(keys, first);
            uint[] relative = [.. keys.Select(key => key - first)];
            Assert.Equal(relative, DumbKeys.Decode(coded, keys.Length));
            var read = new uint[keys.Length];
            KeyCoding.Decode(coded, read);
            Assert.True(relative.AsSpan().SequenceEqual(read), $"seed {seed}");
        }
    }

    [Fact]
    public void Keys_AtTheEdgesOf32Bits_AreReadAsTheyWereWritten()
    {
        foreach (uint[] keys in (uint[][])[[], [0], [uint.MaxValue], [0, uint.MaxValue], [uint.MaxValue - 1, uint.MaxValue], [.. Enumerable.Range(0, 1000).Select(i => (uint)i)]])
        {
            byte[] coded = Encode(keys, 0);
            Assert.Equal(keys, DumbKeys.Decode(coded, keys.Length));
            var read = new uint[keys.Length];
            KeyCoding.Decode(coded, read);
            Assert.Equal(keys, read);
        }
    }

    [Fact]
    public void RandomKeys_OfWhichOneIn32IsThere_TakeAtMostAByteEach()
    {
        foreach ((int oneIn, double bytesMax) in ((int, double)[])[(1, 0.01), (2, 0.6), (4, 0.75), (16, 0.9), (32, 1.0), (8_000, 2.0)])
        {
            var random = new Random(oneIn);
            uint[] keys = [.. Enumerable.Range(0, Math.Min(100_000 * oneIn, 20_000_000)).Where(_ => random.Next(oneIn) == 0).Select(key => (uint)key)];
            double bytes = (double)Encode(keys, 0).Length / keys.Length;
            Assert.True(bytes <= bytesMax, $"one key in {oneIn}: {bytes:F3} bytes a key");
        }
    }

    [Fact]
    public void CodedKeys_MutatedOrCut_AreReadAscendingOrRefused()
    {
        for (int seed = 0; seed < 3000; seed++)
        {
            var random = new Random(seed);
            uint[] keys = RandomKeys(random, 0, random.Next(1, 300));
            byte[] coded = Encode(keys, 0);
            if (seed % 3 == 0)
                coded = coded[..random.Next(coded.Length)];
            else
                coded[random.Next(coded.Length)] = (byte)random.Next(256);
            var read = new uint[keys.Length];
            try
            {
                KeyCoding.Decode(coded, read);
            }
            catch (InvalidDataException)
            {
                continue;
            }
            for (int i = 1; i < read.Length; i++)
                Assert.True(read[i] > read[i - 1], $"seed {seed}: key {read[i]} at place {i} follows {read[i - 1]}");
        }
    }

    [Fact]
    public void CodedKeys_ThatAreNone_AreRefusedWithTheReason()
    {
        AssertRefused("width of 0 to 32", [33], 1);
        AssertRefused("end in the middle", [], 1);
        AssertRefused("end in the middle", [8], 1);
        AssertRefused("end in the middle", [255, 128], 1);
        AssertRefused("end at byte 2, but 3 bytes came", [8, 0, 0], 1);
        AssertRefused("longer than 5 bytes", [255, 128, 128, 128, 128, 128, 0], 1);
        AssertRefused("more than 32 bits", [255, 255, 255, 255, 255, 31], 1);
        AssertRefused("more than 32 bits", [32, 255, 255, 255, 255, 0, 0, 0, 0], 2);
    }

    private static void AssertRefused(string reason, byte[] coded, int count) =>
        Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => KeyCoding.Decode(coded, new uint[count])).Message, StringComparison.Ordinal);

    private static byte[] Encode(uint[] keys, uint first)
    {
        var coded = new byte[KeyCoding.BytesMax(keys.Length)];
        return coded[..KeyCoding.Encode(keys, first, coded)];
    }

    // Blocks of all widths, and some whose gaps differ widely.
    private static uint[] RandomKeys(Random random, uint first, int count)
    {
        var keys = new List<uint>();
        long key = (long)first - 1;
        int bits = 1;
        for (int i = 0; i < count; i++)
        {
            if (i % 50 == 0)
                bits = random.Next(1, 24);
            key += random.NextInt64(1, 1L << (random.Next(30) == 0 ? 24 : bits));
            if (key > uint.MaxValue)
                break;
            keys.Add((uint)key);
        }
        return [.. keys];
    }
}
