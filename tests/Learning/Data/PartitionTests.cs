using DistSgd.Learning.Data;

namespace DistSgd.Learning.Tests.Data;

public sealed class PartitionTests
{
    private static readonly ReadOptions Small = new() { IndexBase = IndexBase.One, BlockBytes = 3 };

    [Theory]
    [InlineData("1 1:1\n-1 2:22\n\n1 3:3.5 4:4\n# c\r\n-1\n1 5:1")]
    [InlineData("1 1:1\n\n\n\n")]
    [InlineData("\r\n 1 1:1")]
    public void ReadPartition_CutAtEveryByte_GivesEveryRowOnce(string text)
    {
        using var file = new TempFile(text);
        var expected = DumbLibsvm.Parse(text, IndexBase.One, out _)!;
        using var whole = LibsvmReader.Read(file.Path, Small);
        for (int count = 1; count <= text.Length + 3; count++)
        {
            var rows = new DumbLibsvm.Row?[expected.Count];
            for (int i = 0; i < count; i++)
            {
                using var part = LibsvmReader.ReadPartition(file.Path, new Partition(i, count), Small);
                long[] places = Places(whole.Rows(new Partition(i, count)));
                Assert.Equal(places.Length, part.RowCount);
                foreach (var (place, row) in places.Zip(RowsOf.Data(part)))
                {
                    Assert.Null(rows[place]);
                    rows[place] = row;
                }
            }
            RowsOf.AssertSame(expected, [.. rows.Select(row => row ?? throw new InvalidOperationException($"A row is in none of {count} partitions."))], $"{count} partitions");
        }
    }

    [Fact]
    public void ReadPartition_LongFile_ReadsStripesOfItsOwnOnly()
    {
        string text = string.Concat(Enumerable.Range(0, 40_000).Select(i => $"{i % 2} {i + 1}:{i}\n"));
        using var file = new TempFile(text);
        var seen = new int[40_000];
        for (int i = 0; i < 3; i++)
        {
            var partition = new Partition(i, 3);
            using var part = LibsvmReader.ReadPartition(file.Path, partition, new ReadOptions { IndexBase = IndexBase.One });
            Assert.True(partition.ByteRanges(text.Length).Length > 10);
            Assert.InRange(part.ParsedBytes, text.Length / 3 - 2000, text.Length / 3 + 2000);
            foreach (var row in RowsOf.Data(part))
                seen[row.Indices[0]]++;
        }
        Assert.All(seen, times => Assert.Equal(1, times));
    }

    [Fact]
    public void Stripes_AnyLengthAndCount_CoverTheSourceOnce()
    {
        var random = new Random(9);
        for (int i = 0; i < 500; i++)
        {
            long length = random.NextInt64(1L << random.Next(1, 62));
            int count = random.Next(1, 1 << random.Next(1, 10));
            int minimum = random.Next(1, 5000);
            var stripes = Enumerable.Range(0, count).SelectMany(index => new Partition(index, count).Stripes(length, minimum)).Order().ToList();
            Assert.Equal((0, length), (stripes[0].Start, stripes[^1].End));
            for (int s = 1; s < stripes.Count; s++)
                Assert.True(stripes[s - 1].End == stripes[s].Start, $"{length} in {count}: {stripes[s - 1]}, then {stripes[s]}");
            Assert.True(stripes.Count == count || stripes.All(stripe => stripe.End - stripe.Start >= minimum), $"{length} in {count}: a stripe is shorter than {minimum}");
        }
    }

    [Fact]
    public void Stripes_SortedSource_GiveEveryPartitionItsShareOfBothEnds()
    {
        for (int index = 0; index < 4; index++)
        {
            long firstHalf = new Partition(index, 4).Stripes(100_000, 16).Sum(stripe => Math.Clamp(50_000 - stripe.Start, 0, stripe.End - stripe.Start));
            Assert.InRange(firstHalf, 12_500 - 64, 12_500 + 64); // a row more or less for each stripe
        }
    }

    [Fact]
    public void Rows_ManySegments_EveryRowOnce()
    {
        string text = string.Concat(Enumerable.Range(0, 3000).Select(i => $"{i % 2} {i + 1}:1\n"));
        using var file = new TempFile(text);
        using var data = LibsvmReader.Read(file.Path, new ReadOptions { Threads = 3, ThreadBytesMin = 100, SegmentBytesMax = 999, BlockBytes = 500 });
        Assert.True(data.Segments.Count > 10);
        foreach (int count in (int[])[1, 2, 3, 7, 100, 2999, 5000])
        {
            var rows = Enumerable.Range(0, count).SelectMany(i => Places(data.Rows(new Partition(i, count)))).Order();
            Assert.Equal(Enumerable.Range(0, 3000).Select(row => (long)row), rows);
        }
        for (int i = 0; i < 3000; i++) Assert.Equal((uint)i, data.Row(i).Indices[0]);
    }

    [Fact]
    public void ReadPartition_BaseNotGivenOrGzip_IsAnError()
    {
        using var file = new TempFile("1 1:1\n");
        Assert.Throws<ArgumentException>(() => LibsvmReader.ReadPartition(file.Path, new Partition(0, 1), new ReadOptions()));
        using var gzip = new TempFile([0x1F, 0x8B, 8, 0]);
        Assert.Throws<DatasetException>(() => LibsvmReader.ReadPartition(gzip.Path, new Partition(0, 1), Small));
    }

    private static long[] Places(RowRange[] ranges) => [.. ranges.SelectMany(range => Enumerable.Range(0, (int)range.Count).Select(i => range.Start + i))];
}
