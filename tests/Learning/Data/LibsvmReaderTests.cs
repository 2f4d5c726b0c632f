using System.IO.Compression;
using System.Text;
using DistSgd.Learning.Data;

namespace DistSgd.Learning.Tests.Data;

public sealed class LibsvmReaderTests
{
    [Theory]
    [InlineData("1 1:2 3\n", 1, 7, "no colon")]
    [InlineData("1 1:2\n-1 2:x\n", 2, 6, "\"x\" as value")]
    [InlineData("1 1:2\n\n# c\nabc 1:1\n", 4, 1, "\"abc\" as label")]
    [InlineData("1 1:nan\n", 1, 5, "finite")]
    [InlineData("1 1:-Inf\n", 1, 5, "finite")]
    [InlineData("NaN 1:1\n", 1, 1, "finite")]
    [InlineData("1 1:1e39\n", 1, 5, "too large for float32")]
    [InlineData("1 1:1 2:2 1:3\n", 1, 11, "occurs twice")]
    [InlineData("1 1:1 1:3\n", 1, 7, "occurs twice")]
    [InlineData("1 1:1 qid:3\n", 1, 7, "qid")]
    [InlineData("1 :5\n", 1, 3, "without an index")]
    [InlineData("1 5:\n", 1, 5, "missing")]
    [InlineData("1 5:1:2\n", 1, 5, "\"1:2\" as value")]
    [InlineData("1 -5:1\n", 1, 3, "digits only")]
    [InlineData("1 1.5:1\n", 1, 3, "digits only")]
    [InlineData("1 99999999999999999999999:1\n", 1, 3, "feature limit")]
    [InlineData("1 4294967296:1\n", 1, 3, "feature limit")]
    [InlineData("1 1:.\n", 1, 5, "\".\" as value")]
    [InlineData("1 1:-\n", 1, 5, "\"-\" as value")]
    [InlineData("1 1:1e\n", 1, 5, "\"1e\" as value")]
    [InlineData("1 1:1\0\n", 1, 5, "\\x00")]
    public void Read_MalformedLine_NamesLineColumnAndWhatWasFound(string text, long line, int column, string part)
    {
        using var file = new TempFile(text);
        var error = Assert.Throws<DatasetFormatException>(() => LibsvmReader.Read(file.Path));
        Assert.Equal((line, column), (error.Line, error.Column));
        Assert.Contains(part, error.Message, StringComparison.Ordinal);
        Assert.StartsWith($"{file.Path}:{line}:{column}: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_IndexZeroInBaseOne_IsAnError()
    {
        using var file = new TempFile("1 1:1\n1 0:1 1:2\n");
        var error = Assert.Throws<DatasetFormatException>(() => LibsvmReader.Read(file.Path, new ReadOptions { IndexBase = IndexBase.One }));
        Assert.Equal((2, 3), (error.Line, error.Column));
    }

    [Fact]
    public void Read_FaultsInManyParts_ReportsTheFirst()
    {
        var text = new StringBuilder();
        for (int i = 0; i < 4000; i++) text.Append(i >= 1000 && i % 500 == 0 ? "1 x\n" : "1 1:1 2:2 3:3\n");
        using var file = new TempFile(text.ToString());
        for (int repeat = 0; repeat < 20; repeat++)
        {
            var options = new ReadOptions { Threads = 4, ThreadBytesMin = 100, SegmentBytesMax = 1000, BlockBytes = 200 };
            Assert.Equal(1001, Assert.Throws<DatasetFormatException>(() => LibsvmReader.Read(file.Path, options)).Line);
        }
    }

    [Theory]
    [InlineData("1 1:1\n-1 2:1\n", IndexBase.One, IndexBaseOrigin.NoZeroSeen, 2L)]
    [InlineData("1 0:1\n-1 2:1\n", IndexBase.Zero, IndexBaseOrigin.ZeroSeen, 3L)]
    [InlineData("1 0:1\n", IndexBase.Zero, IndexBaseOrigin.ZeroSeen, 1L)]
    [InlineData("1\n", IndexBase.One, IndexBaseOrigin.NoZeroSeen, 0L)]
    public void Read_BaseNotGiven_IsZeroIfAnIndexZeroOccurs(string text, IndexBase expected, IndexBaseOrigin origin, long features)
    {
        using var file = new TempFile(text);
        using var data = LibsvmReader.Read(file.Path);
        Assert.Equal((expected, origin, features), (data.IndexBase, data.IndexBaseOrigin, data.FeatureCount));
    }

    [Fact]
    public void Read_AByteOrderMarkBeforeTheText_IsLeftOut()
    {
        const string text = "1 1:2 3:0.5\n0 2:1\n1 1:4\n";
        using TempFile plain = new(text), marked = new(Encoding.UTF8.GetBytes("\uFEFF" + text)), gzip = new(Gzip(Encoding.UTF8.GetBytes("\uFEFF" + text)), "m.gz");
        foreach (int threads in (int[])[1, 3])
        {
            var options = new ReadOptions { Threads = threads, ThreadBytesMin = 4, BlockBytes = 200 };
            using Dataset expected = LibsvmReader.Read(plain.Path, options);
            foreach (TempFile file in (TempFile[])[marked, gzip])
            {
                using Dataset read = LibsvmReader.Read(file.Path, options);
                RowsOf.AssertSame(RowsOf.Data(expected), [.. RowsOf.Data(read).Select(row => row with { LineOffset = row.LineOffset - 3 })], file.Path);
            }
        }
    }

    [Fact]
    public void Read_ExpectedFeatures_DropsAndCountsTheOthers()
    {
        using var file = new TempFile("1 1:1 5:1 6:1\n-1 7:1 8:1e0\n1 5:2 \n");
        using var data = LibsvmReader.Read(file.Path, new ReadOptions { IndexBase = IndexBase.One, ExpectedFeatures = 5 });
        Assert.Equal(3, data.IgnoredFeatureCount);
        Assert.Equal(5, data.FeatureCount);
        Assert.Equal([2, 0, 1], RowsOf.Data(data).Select(r => r.Indices.Length));
    }

    [Fact]
    public void Read_FeatureLimit_IsKept()
    {
        using var file = new TempFile("1 1:1 11:1\n");
        using (LibsvmReader.Read(file.Path, new ReadOptions { FeatureLimit = 11 })) { }
        Assert.Throws<DatasetFormatException>(() => LibsvmReader.Read(file.Path, new ReadOptions { FeatureLimit = 10 }));
        using var zero = new TempFile("1 0:1 11:1\n");
        Assert.Throws<DatasetException>(() => LibsvmReader.Read(zero.Path, new ReadOptions { FeatureLimit = 11 }));
    }

    [Fact]
    public void Read_NoFileEmptyFileOrOnlyComments_SaysSo()
    {
        Assert.Contains("no such file", Assert.Throws<DatasetException>(() => LibsvmReader.Read("/nowhere/data")).Message, StringComparison.Ordinal);
        using var empty = new TempFile("");
        Assert.Contains("is empty", Assert.Throws<DatasetException>(() => LibsvmReader.Read(empty.Path)).Message, StringComparison.Ordinal);
        Assert.Contains("this is a folder", Assert.Throws<DatasetException>(() => LibsvmReader.Read(empty.Folder)).Message, StringComparison.Ordinal);
        using var comments = new TempFile("# nothing\n\n");
        Assert.Contains("no rows", Assert.Throws<DatasetException>(() => LibsvmReader.Read(comments.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_FileThatBecameShorter_SaysSo()
    {
        using var file = new TempFile(string.Concat(Enumerable.Repeat("1 1:1\n", 1000)));
        using var source = SourceFile.Open(file.Path);
        File.WriteAllText(file.Path, "1 1:1\n");
        Assert.Contains("shorter", Assert.Throws<DatasetException>(() => LibsvmReader.Read(source, new ReadOptions())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_FileThatGrew_SaysSo()
    {
        using var file = new TempFile("1 1:1\n");
        using var source = SourceFile.Open(file.Path);
        File.AppendAllText(file.Path, "1 2:1\n");
        Assert.Contains("changed", Assert.Throws<DatasetException>(() => LibsvmReader.Read(source, new ReadOptions())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_RowsOfAnyOrderAndLength_AreSortedAndWhole()
    {
        string wide = string.Join(' ', Enumerable.Range(1, 5000).Reverse().Select(i => $"{i}:{i}"));
        using var file = new TempFile($"1 {wide}\n-1 2:2\n");
        using var data = LibsvmReader.Read(file.Path, new ReadOptions { BlockBytes = 100 });
        Assert.Equal(Enumerable.Range(0, 5000).Select(i => (uint)i), data.Row(0).Indices.ToArray());
        Assert.Equal(Enumerable.Range(1, 5000).Select(i => (float)i), data.Row(0).Values.ToArray());
    }

    [Fact]
    public void Read_Gzip_OfOneOrMoreMembers_EqualsPlain()
    {
        string text = string.Concat(Enumerable.Range(0, 800).Select(i => RandomText.Line(new Random(i)) + "\n"));
        var expected = DumbLibsvm.Parse(text, IndexBase.Auto, out _)!;
        byte[] bytes = Encoding.Latin1.GetBytes(text);
        foreach (int cut in (int[])[0, 1, bytes.Length / 3, bytes.Length - 1])
        {
            using var file = new TempFile([.. Gzip(bytes[..cut]), .. Gzip(bytes[cut..])], "data.anything");
            using var data = LibsvmReader.Read(file.Path, new ReadOptions { BlockBytes = 1000, SegmentBytesMax = 20_000 });
            Assert.Equal(bytes.Length, data.SourceBytes);
            RowsOf.AssertSame(expected, RowsOf.Data(data), $"cut at {cut}");
        }
    }

    [Fact]
    public void Read_GzipTruncatedOrDamaged_SaysSo()
    {
        var random = new Random(3);
        byte[] whole = Gzip(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 5000).Select(i => $"1 {i + 1}:{random.NextSingle():G6}\n"))));
        foreach (int length in (int[])[3, 10, 11, 20, whole.Length / 2, whole.Length - 9, whole.Length - 8, whole.Length - 4, whole.Length - 1])
        {
            using var file = new TempFile(whole[..length]);
            string says = Assert.Throws<DatasetException>(() => LibsvmReader.Read(file.Path)).Message;
            Assert.Contains("truncated or damaged", says, StringComparison.Ordinal);
            Assert.Contains("(a gzip member is damaged or not whole, or is followed by something that is not gzip)", says, StringComparison.Ordinal);
        }
        using var followed = new TempFile([.. whole, .. whole[..15]]);
        Assert.Contains("truncated or damaged", Assert.Throws<DatasetException>(() => LibsvmReader.Read(followed.Path)).Message, StringComparison.Ordinal);
        whole[^6] ^= 1; // in the CRC
        using var damaged = new TempFile(whole);
        Assert.Contains("truncated or damaged", Assert.Throws<DatasetException>(() => LibsvmReader.Read(damaged.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_MalformedLineInGzip_NamesItsLine()
    {
        using var file = new TempFile(Gzip(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("1 1:1\n", 999)) + "1 1:1 x\n")));
        var error = Assert.Throws<DatasetFormatException>(() => LibsvmReader.Read(file.Path, new ReadOptions { BlockBytes = 64 }));
        Assert.Equal((1000, 7), (error.Line, error.Column));
    }

    private static byte[] Gzip(byte[] content)
    {
        using var buffer = new MemoryStream();
        using (var gzip = new GZipStream(buffer, CompressionLevel.Fastest, leaveOpen: true)) gzip.Write(content);
        return buffer.ToArray();
    }

    [Fact]
    public void Read_AllocatesNothingPerLine()
    {
        const int lines = 20_000;
        AllocatedBy(lines);
        long few = AllocatedBy(lines), many = AllocatedBy(4 * lines);
        // The smallest object of .NET has 24 bytes: one in 1,000 of the further lines would show.
        Assert.InRange(many - few, long.MinValue, 3 * lines / 1000 * 24);

        // On one thread, the caller's, so that nothing but the reading is counted; the texts are several blocks long, their rows lie in one segment.
        static long AllocatedBy(int lines)
        {
            using var file = new TempFile(string.Concat(Enumerable.Range(0, lines).Select(i => $"{(i % 2 * 2) - 1} {i % 50 + 1}:0.5 {i % 1000 + 60}:{i}.25\n")));
            long before = GC.GetAllocatedBytesForCurrentThread();
            using Dataset data = LibsvmReader.Read(file.Path, new ReadOptions { Threads = 1 });
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.Equal(lines, data.RowCount);
            return allocated;
        }
    }
}
