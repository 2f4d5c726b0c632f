using DistSgd.Learning.Batches;

namespace DistSgd.Learning.Tests.Batches;

public sealed class KeyCompactionTests
{
    [Fact]
    public void Apply_RandomKeys_BitmapEqualsSortingEqualsASortedSet()
    {
        var reused = new Dictionary<int, KeyCompaction>();
        for (int seed = 0; seed < 500; seed++)
        {
            var random = new Random(seed);
            int limit = (int[])[1, 63, 64, 65, 1000, 5000] is var limits ? limits[random.Next(limits.Length)] : 0;
            uint[] keys = [.. Enumerable.Range(0, random.Next(0, 300)).Select(_ => (uint)random.Next(limit))];
            uint[] distinct = [.. keys.Distinct().Order()];
            uint[] places = [.. keys.Select(key => (uint)Array.BinarySearch(distinct, key))];
            if (!reused.TryGetValue(limit, out KeyCompaction? compaction))
                reused.Add(limit, compaction = new KeyCompaction(limit));
            foreach (string way in (string[])["bitmap", "sorting", "chosen"])
            {
                uint[] actual = [.. keys];
                uint[] found = way switch
                {
                    "bitmap" => compaction.ByBitmap(actual, (limit + 63) / 64),
                    "sorting" => KeyCompaction.BySorting(actual),
                    _ => compaction.Apply(actual),
                };
                Assert.True(distinct.AsSpan().SequenceEqual(found), $"seed {seed}, {way}: keys {string.Join(' ', found)}, expected {string.Join(' ', distinct)}");
                Assert.True(places.AsSpan().SequenceEqual(actual), $"seed {seed}, {way}: places {string.Join(' ', actual)}, expected {string.Join(' ', places)}");
            }
        }
    }

    [Fact]
    public void Apply_LargestKeys_AreSorted()
    {
        uint[] keys = [uint.MaxValue - 1, 5, uint.MaxValue - 1, 0];
        Assert.Equal((uint[])[0, 5, uint.MaxValue - 1], new KeyCompaction(uint.MaxValue).Apply(keys));
        Assert.Equal((uint[])[2, 1, 2, 0], keys);
    }
}
