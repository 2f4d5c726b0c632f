using DistSgd.Shared.Exchange;
using DistSgd.Shared.Sharding;
using FsCheck;
using FsCheck.Fluent;

namespace DistSgd.Shared.Tests;

public sealed class ShardMapTests
{
    [Fact]
    public void Cut_AnySpaceAndCount_CoversItInOrderOnCacheLines() =>
        Prop.ForAll(ArbMap.Default.ArbFor<(ulong Keys, ushort Shards, byte Size)>(), drawn =>
        {
            long keys = (long)(drawn.Keys % (1UL << (drawn.Size % 34 + 1))) + 1;
            int wanted = drawn.Shards % 300 + 1;
            ShardMap map = ShardMap.Cut(keys, wanted);
            KeyRange[] ranges = [.. Enumerable.Range(0, map.Count).Select(i => map[i])];
            long lines = (keys + ShardMap.BoundaryKeys - 1) / ShardMap.BoundaryKeys;
            long[] sizes = [.. ranges.Select(range => (range.Count + ShardMap.BoundaryKeys - 1) / ShardMap.BoundaryKeys)];
            return map.Count == Math.Min(wanted, lines) && map.KeyCount == keys && ranges[0].First == 0 && ranges[^1].End == keys
                && ranges.Zip(ranges.Skip(1)).All(pair => pair.First.End == pair.Second.First)
                && ranges.All(range => range.Count > 0 && range.First % ShardMap.BoundaryKeys == 0)
                && sizes.Max() - sizes.Min() <= 1;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Cut_TheLargestSpaces_DoesNotOverflow()
    {
        ShardMap map = ShardMap.Cut(long.MaxValue - 64, 1_000_000);
        Assert.Equal(1_000_000, map.Count);
        Assert.Equal(long.MaxValue - 64, map.KeyCount);
        Assert.All(Enumerable.Range(1, map.Count - 1), i => Assert.Equal(map[i - 1].End, map[i].First));
    }

    [Fact]
    public void From_RangesWithGapsOverlapsOrNothing_AreRefused()
    {
        KeyRange[][] wrong =
        [
            [],
            [new KeyRange(1, 5)],
            [new KeyRange(0, 5), new KeyRange(6, 5)],
            [new KeyRange(0, 5), new KeyRange(4, 5)],
            [new KeyRange(0, 5), new KeyRange(5, 0)],
        ];
        Assert.All(wrong, ranges => Assert.Throws<ArgumentException>(() => ShardMap.From(ranges)));
        Assert.Equal(10, ShardMap.From([new KeyRange(0, 5), new KeyRange(5, 5)]).KeyCount);
    }

    [Fact]
    public void Intersect_AnyTwoRanges_HoldsTheKeysInBoth() =>
        Prop.ForAll(ArbMap.Default.ArbFor<(byte A, byte B, byte C, byte D)>(), x =>
        {
            (KeyRange left, KeyRange right) = (new KeyRange(x.A, x.B), new KeyRange(x.C, x.D));
            long[] both = [.. Keys(left).Intersect(Keys(right))];
            KeyRange common = left.Intersect(right);
            return both.SequenceEqual(Keys(common)) && common == right.Intersect(left);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Within_AnyKeysAndShard_EqualsADumbFilter() =>
        Prop.ForAll(ArbMap.Default.ArbFor<(byte[] Keys, byte First, byte Count, bool IsRange)>(), drawn =>
        {
            var shard = new KeyRange(drawn.First, drawn.Count);
            uint[] list = [.. drawn.Keys.Distinct().Order().Select(key => (uint)key)];
            KeySet keys = drawn.IsRange ? KeySet.Range(drawn.Keys.FirstOrDefault(), drawn.Keys.Length * 3) : KeySet.List(list);
            long[] all = drawn.IsRange ? [.. Keys(new KeyRange(keys.First, keys.Count))] : [.. list.Select(key => (long)key)];
            (int start, int count) = keys.Within(shard);
            return all.Skip(start).Take(count).SequenceEqual(all.Where(key => key >= shard.First && key < shard.End));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Within_ShardsOfAMap_HaveEachKeyOnce()
    {
        ShardMap map = ShardMap.Cut(1000, 7);
        KeySet keys = KeySet.List([.. Enumerable.Range(0, 1000).Where(key => key % 3 == 0).Select(key => (uint)key)]);
        int next = 0;
        for (int i = 0; i < map.Count; i++)
        {
            (int start, int count) = keys.Within(map[i]);
            Assert.Equal(next, start);
            next += count;
        }
        Assert.Equal(keys.Count, next);
    }

    [Fact]
    public void Within_ShardsBeyond32Bits_HaveNoListedKeys()
    {
        KeySet keys = KeySet.List([0, uint.MaxValue]);
        Assert.Equal(0, keys.Within(new KeyRange(1L << 32, 100)).Count);
        Assert.Equal((1, 1), keys.Within(new KeyRange(uint.MaxValue, 100)));
    }

    [Fact]
    public void List_KeysNotStrictlyAscending_AreRefused()
    {
        Assert.Throws<ArgumentException>(() => KeySet.List([1, 1]));
        Assert.Throws<ArgumentException>(() => KeySet.List([2, 1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => KeySet.Range(-1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => KeySet.Range(0, -1));
        Assert.Empty(KeySet.List([]).Keys.ToArray());
    }

    private static IEnumerable<long> Keys(KeyRange range)
    {
        for (long key = range.First; key < range.End; key++)
            yield return key;
    }
}
