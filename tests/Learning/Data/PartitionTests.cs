using DistSgd.Learning.Data;

namespace DistSgd.Learning.Tests.Data;

public sealed class PartitionTests
{
    private static readonly LibsvmOptions Small = new() { IndexBase = IndexBase.One, BlockBytes = 3 };

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
            var rows = new List<DumbLibsvm.Row>();
            long parsed = 0;
            for (int i = 0; i < count; i++)
            {
                using var part = LibsvmReader.ReadPartition(file.Path, new Partition(i, count), Small);
                var range = whole.Rows(new Partition(i, count));
                Assert.Equal((rows.Count, part.RowCount), (range.Start, range.Count));
                rows.AddRange(RowsOf.Data(part));
                parsed += part.ParsedBytes;
            }
            // A line feed is put behind a last line that lacks it, and counted.
            Assert.Equal(text.Length + (text[^1] == '\n' ? 0 : 1), parsed);
            RowsOf.AssertSame(expected, rows, $"{count} partitions");
        }
    }

    [Fact]
    public void ByteRange_AnyCount_CoversTheSourceOnce()
    {
        var random = new Random(9);
        for (int i = 0; i < 2000; i++)
        {
            long bytes = random.NextInt64(1L << random.Next(1, 62));
            int count = random.Next(1, 1 << random.Next(1, 30));
            int index = random.Next(count);
            var (start, end) = new Partition(index, count).ByteRange(bytes);
            Assert.True(start <= end && start >= 0 && end <= bytes, $"{index} of {count} of {bytes}: {start}..{end}");
            Assert.Equal(index == count - 1 ? bytes : new Partition(index + 1, count).ByteRange(bytes).Start, end);
            if (index == 0) Assert.Equal(0, start);
        }
    }

    [Fact]
    public void Rows_ManySegments_EveryRowOnce()
    {
        string text = string.Concat(Enumerable.Range(0, 3000).Select(i => $"{i % 2} {i + 1}:1\n"));
        using var file = new TempFile(text);
        using var data = LibsvmReader.Read(file.Path, new LibsvmOptions { Threads = 3, ThreadBytesMin = 100, SegmentBytesMax = 999, BlockBytes = 500 });
        Assert.True(data.Segments.Count > 10);
        foreach (int count in (int[])[1, 2, 3, 7, 100, 2999, 5000])
        {
            long next = 0;
            for (int i = 0; i < count; i++)
            {
                var range = data.Rows(new Partition(i, count));
                Assert.Equal(next, range.Start);
                next += range.Count;
            }
            Assert.Equal(3000, next);
        }
        for (int i = 0; i < 3000; i++) Assert.Equal((uint)i, data.Row(i).Indices[0]);
    }

    [Fact]
    public void ReadPartition_BaseNotGivenOrGzip_IsAnError()
    {
        using var file = new TempFile("1 1:1\n");
        Assert.Throws<ArgumentException>(() => LibsvmReader.ReadPartition(file.Path, new Partition(0, 1), new LibsvmOptions()));
        using var gzip = new TempFile([0x1F, 0x8B, 8, 0]);
        Assert.Throws<DatasetException>(() => LibsvmReader.ReadPartition(gzip.Path, new Partition(0, 1), Small));
    }
}
