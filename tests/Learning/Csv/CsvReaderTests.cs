using System.Globalization;
using System.IO.Compression;
using System.Text;
using DistSgd.Learning.Csv;
using DistSgd.Learning.Data;
using DistSgd.Learning.Tests.Data;

namespace DistSgd.Learning.Tests.Csv;

public sealed class CsvReaderTests
{
    private const string People = "age,city,income,label\n30,Bern,5.5,yes\n,Basel,0,no\n40,\"Bern\",NA,yes\n";

    [Fact]
    public void Read_NumbersCategoriesMissingAndTexts_BecomeTheFeaturesThatTheLayoutSays()
    {
        using var file = new TempFile(People, "people.csv");
        using Dataset data = Dataset.Open(file.Path);
        CsvLayout layout = data.Layout!;
        Assert.Equal(["no", "yes"], layout.LabelNames);
        Assert.Equal([1f, 0, 1], Labels(data));
        Assert.Equal(2 + (1 << 18) + 2, data.FeatureCount);
        Assert.Equal((2, 2, 0), (layout.Missing, layout.Categories, layout.Collisions));
        Dictionary<uint, float>[] rows = Rows(data);
        Assert.Equal((30f, 5.5f), (rows[0][0], rows[0][1]));
        // Missing: the mean of the others, and a mark behind all other features.
        Assert.Equal((35f, 1f), (rows[1][0], rows[1][2 + (1 << 18)]));
        Assert.Equal((2.75f, 1f), (rows[2][1], rows[2][2 + (1 << 18) + 1]));
        Assert.False(rows[1].ContainsKey(1)); // a zero is not stored
        uint bern = Category(rows[0]), basel = Category(rows[1]);
        Assert.Equal(bern, Category(rows[2]));
        Assert.NotEqual(bern, basel);
        Assert.Equal("age", layout.FeatureName(0));
        Assert.Equal("income is missing", layout.FeatureName(data.FeatureCount - 1));
    }

    [Theory]
    [InlineData("1;2;3\n4;5;6\n", 2, false)]
    [InlineData("a\tb\tc\r\n1\t2\t3\r\n4\t5\t6\r\n", 2, true)]
    [InlineData("\uFEFFa,b,c\n1,2,3\n4,5,6", 2, true)]
    [InlineData("a,b,y\n\n1,2,3\n\n4,5,6\n\n", 2, true)]
    [InlineData(" 1 , 2 ,\"3\"\n4,5,6\n", 2, false)]
    public void Read_SeparatorHeaderBlanksAndLineEnds_AreFoundOut(string text, int rows, bool header)
    {
        using var file = new TempFile(Encoding.UTF8.GetBytes(text), "t.csv");
        using Dataset data = Dataset.Open(file.Path);
        Assert.Equal((rows, header), (data.RowCount, data.Layout!.HasHeader));
        Assert.Equal([3f, 6], Labels(data));
        Assert.Equal((1f, 2f), (Rows(data)[0][0], Rows(data)[0][1]));
    }

    [Fact]
    public void Read_QuotedFields_MayHoldSeparatorsQuotesAndLineEnds()
    {
        const string text = "name,x,y\n\"a, \"\"b\"\"\",1,0\n\"two\nlines\",2,1\nplain,3,1\n";
        using var file = new TempFile(text, "q.csv");
        using Dataset data = Dataset.Open(file.Path, new ReadOptions { ThreadBytesMin = 1, Threads = 2, BlockBytes = 16 });
        Assert.Equal([0f, 1, 1], Labels(data));
        Assert.True(data.Layout!.HasLineEndsInFields);
        Assert.Equal(3, Rows(data).Select(Category).Distinct().Count());
        using var zipped = new TempFile(Gzip(text), "q.csv.gz");
        using Dataset again = Dataset.Open(zipped.Path, new ReadOptions { BlockBytes = 16 });
        RowsOf.AssertSame(RowsOf.Data(data), RowsOf.Data(again), "gzip");
    }

    [Theory]
    [InlineData("a,b,y\n1,2,0\n3,4\n", 3, 4, "the row has 2 fields; expected 3")]
    [InlineData("a,b,y\n1,2,0\n3,4,1,5,6\n", 3, 6, "the row has 5 fields; expected 3")]
    [InlineData("a,b,y\n1,2,0\n3,\"4,1\n", 3, 3, "the quote opened here is never closed")]
    [InlineData("a,b,y\n1,2,0\n3,\"4\"x,1\n", 3, 6, "text behind a closing quote")]
    [InlineData("a,b,y\n1,2,0\n3,4,\n", 3, 5, "the label is missing in column \"y\"")]
    [InlineData("a,b,y\n1,2,0\n3,inf,1\n", 3, 3, "expected a finite number")]
    [InlineData("a,b,y\n1,2,0\n3,4,1e99\n", 3, 5, "too large for float32")]
    public void Read_MalformedLine_NamesLineColumnAndWhatIsWrong(string text, long line, int column, string problem)
    {
        using var file = new TempFile(text, "bad.csv");
        var error = Assert.Throws<DatasetFormatException>(() => Dataset.Open(file.Path).Dispose());
        Assert.Equal((line, column), (error.Line, error.Column));
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.StartsWith($"{file.Path}:{line}:{column}: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_TextBehindAMegabyteOfNumbers_IsRefusedAndTheOptionNamed()
    {
        string text = string.Concat(Enumerable.Repeat("1.5,2.5,1\n", 120_000)) + "x,2,0\n";
        using var file = new TempFile(text, "late.csv");
        var error = Assert.Throws<DatasetFormatException>(() => Dataset.Open(file.Path).Dispose());
        Assert.Equal((120_001, 1), (error.Line, error.Column));
        Assert.Contains("--categorical", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nobody", "there is no column \"nobody\" (--label-column); expected a number from 1 to 4, or one of age, city, income, label.")]
    [InlineData("9", "there is no column \"9\"")]
    public void Open_UnknownColumn_ListsThoseThatAreThere(string label, string problem)
    {
        using var file = new TempFile(People, "people.csv");
        var error = Assert.Throws<DatasetException>(() => Dataset.Open(file.Path, new ReadOptions { Csv = new() { LabelColumn = label } }).Dispose());
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_ColumnsNamed_AreUsedAsAsked()
    {
        using var file = new TempFile("zip,w,target,x\n8001,2,1.5,1\n8002,0.5,2.5,2\n", "c.csv");
        using Dataset data = Dataset.Open(file.Path, new ReadOptions { Csv = new() { LabelColumn = "target", WeightColumn = "2", Categorical = ["zip"], HashBits = 10 } });
        Assert.Equal([1.5f, 2.5f], Labels(data));
        Assert.Equal([2f, 0.5f], data.Weights.ToArray());
        Assert.Equal(1 + 1024, data.FeatureCount);
    }

    [Fact]
    public void Layout_GivenToAnotherFile_MatchesColumnsByName()
    {
        using var file = new TempFile(People, "people.csv");
        using Dataset train = Dataset.Open(file.Path);
        using var other = new TempFile("extra,label,income,age\n7,yes,5.5,30\n7,no,,\n", "other.csv");
        using Dataset data = Dataset.Open(other.Path, new ReadOptions { Layout = train.Layout });
        Assert.Equal([1f, 0], Labels(data));
        Dictionary<uint, float>[] rows = Rows(data);
        Assert.Equal((30f, 5.5f), (rows[0][0], rows[0][1]));
        Assert.Equal((35f, 2.75f), (rows[1][0], rows[1][1]));
        Assert.Contains("columns that aren't there, read as missing values: city; columns that the model doesn't know, left out: extra", data.Notice, StringComparison.Ordinal);
        Assert.Equal(train.FeatureCount, data.FeatureCount);
        using var unlabelled = new TempFile("30,Bern,5.5\n", "bare.csv");
        using Dataset bare = Dataset.Open(unlabelled.Path, new ReadOptions { Layout = train.Layout, LabelsIgnored = true });
        Assert.False(bare.HasLabels);
        Assert.Equal(Rows(train)[0], Rows(bare)[0]);
        using var strange = new TempFile("label,age\nmaybe,3\n", "strange.csv");
        Assert.Contains("found the label \"maybe\"", Assert.Throws<DatasetFormatException>(() => Dataset.Open(strange.Path, new ReadOptions { Layout = train.Layout }).Dispose()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Layout_WrittenAsText_ReadsBackEqual()
    {
        using var file = new TempFile(People, "people.csv");
        using Dataset data = Dataset.Open(file.Path);
        Assert.Equal(data.Layout, CsvLayoutText.Read(CsvLayoutText.Write(data.Layout!)));
        Assert.Throws<ArgumentException>(() => CsvLayoutText.Read("{\"separator\":\",\"}"));
    }

    [Fact]
    public void Open_SecondTime_ReadsTheCacheWithLayoutAndWeights()
    {
        using var file = new TempFile(People.Replace("income", "w", StringComparison.Ordinal).Replace("NA", "3", StringComparison.Ordinal), "people.csv");
        var options = new ReadOptions { Csv = new() { WeightColumn = "w" } };
        var always = new CacheOptions { Mode = CacheMode.Require };
        using Dataset parsed = Dataset.Open(file.Path, options, always);
        using Dataset cached = Dataset.Open(file.Path, options, always);
        Assert.Contains("read from the cache", cached.Notice, StringComparison.Ordinal);
        Assert.Equal(parsed.Layout, cached.Layout);
        Assert.Equal(parsed.Weights.ToArray(), cached.Weights.ToArray());
        RowsOf.AssertSame(RowsOf.Data(parsed), RowsOf.Data(cached), "cache");
        using Dataset others = Dataset.Open(file.Path, new ReadOptions(), always);
        Assert.Contains("other options", others.Notice, StringComparison.Ordinal);
    }

    [Fact]
    public void Partitions_TogetherAreTheWholeFile()
    {
        string text = "x,c,y\n" + string.Concat(Enumerable.Range(0, 3000).Select(i => $"{(i % 7 == 0 ? "" : $"{i * 0.25}")},c{i % 13},{i % 2}\n"));
        using var file = new TempFile(text, "p.csv");
        using Dataset whole = Dataset.Open(file.Path);
        var rows = new List<DumbLibsvm.Row>();
        for (int i = 0; i < 3; i++)
        {
            (Dataset part, RowRange[] ranges) = Dataset.OpenPartition(file.Path, new Partition(i, 3), new ReadOptions { Layout = whole.Layout });
            using (part)
                rows.AddRange(RowsOf.Data(part).Where((_, row) => ranges.Any(range => row >= range.Start && row < range.Start + range.Count)));
        }
        RowsOf.AssertSame(RowsOf.Data(whole), [.. rows.OrderBy(row => row.LineOffset)], "partitions");
    }

    [Theory]
    [InlineData("a.csv", "1,2\n", DataFormat.Csv)]
    [InlineData("a.txt", "a,b\n1,2\n", DataFormat.Csv)]
    [InlineData("a.txt", "1;2;3\n4;5;6\n", DataFormat.Csv)]
    [InlineData("a.csv", "1 2:0.5\n", DataFormat.Libsvm)]
    [InlineData("a.txt", "1,3 1:0.5 2:1\n", DataFormat.Libsvm)]
    [InlineData("a.txt", "1\t3:1\n", DataFormat.Libsvm)]
    [InlineData("a.txt", "1\n0\n", DataFormat.Libsvm)]
    [InlineData("-", "a,b\n\"two\nlines\",1\n3,4\n", DataFormat.Csv)]
    [InlineData("a.csv", "2020-01-01 12:30,5\n", DataFormat.Csv)]
    public void Format_IsToldByContentAndName(string name, string text, DataFormat expected) =>
        Assert.Equal(expected, FormatDetection.OfText(name, Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void Read_RandomTables_EqualsTheDumbReading()
    {
        for (int seed = 0; seed < 30; seed++)
        {
            var random = new Random(seed);
            (string text, List<(float Label, float?[] Numbers)> expected) = RandomTable(random);
            using var file = new TempFile(text, "r.csv");
            using Dataset data = Dataset.Open(file.Path, new ReadOptions { ThreadBytesMin = 64, Threads = 3, BlockBytes = 256, SegmentBytesMax = 512 });
            Assert.True(expected.Count == data.RowCount, $"seed {seed}");
            Dictionary<uint, float>[] rows = Rows(data);
            float[] labels = Labels(data);
            for (int i = 0; i < rows.Length; i++)
            {
                Assert.True(expected[i].Label == labels[i], $"seed {seed}, row {i}");
                for (uint c = 0; c < expected[i].Numbers.Length; c++)
                    Assert.True((expected[i].Numbers[c] ?? data.Layout!.Columns[(int)c].Mean) == rows[i].GetValueOrDefault(c), $"seed {seed}, row {i}, column {c}");
            }
        }
    }

    [Fact]
    public void Read_OnAnyNumberOfThreads_GivesTheSameRowsAndCountsOfCategories()
    {
        var random = new Random(5);
        string text = "a,color,b,kind,y\n" + string.Concat(Enumerable.Range(0, 3000).Select(i =>
            string.Create(CultureInfo.InvariantCulture, $"{(i % 11 == 0 ? "" : random.NextDouble().ToString("F4", CultureInfo.InvariantCulture))},c{random.Next(40)},{random.Next(9)},k-{random.Next(300)},{i % 2}\n")));
        using var file = new TempFile(text, "r.csv");
        using Dataset one = Read(1);
        Assert.InRange(one.Layout!.Collisions, 1, 339);
        foreach (int threads in (int[])[2, 3, 7])
        {
            using Dataset several = Read(threads);
            Assert.True(several.Segments.Count > threads);
            Assert.Equal(one.Layout, several.Layout);
            Assert.Equal((one.Layout.Categories, one.Layout.Collisions, one.Layout.Missing), (several.Layout!.Categories, several.Layout.Collisions, several.Layout.Missing));
            Assert.Equal(Labels(one), Labels(several));
            Assert.Equal(Rows(one), Rows(several));
        }

        Dataset Read(int threads) => Dataset.Open(file.Path, new ReadOptions { ThreadBytesMin = 1000, Threads = threads, BlockBytes = 700, Csv = new() { HashBits = 8 } }, new CacheOptions { Mode = CacheMode.Off });
    }

    private static (string Text, List<(float Label, float?[] Numbers)> Rows) RandomTable(Random random)
    {
        char separator = ",;\t"[random.Next(3)];
        int columns = random.Next(2, 6);
        var text = new StringBuilder(string.Join(separator, Enumerable.Range(0, columns).Select(c => $"c{c}").Append("y")) + "\n");
        var rows = new List<(float, float?[])>();
        for (int i = random.Next(1, 60); i >= 0; i--)
        {
            var numbers = new float?[columns];
            for (int c = 0; c < columns; c++)
            {
                string number = random.Next(5) switch { 0 => $"{random.Next(-5, 5)}", 1 => $"{random.NextDouble() * 1000 - 500:R}", 2 => $"{random.NextDouble():E3}", 3 => "?", _ => $"{random.Next()}.{random.Next(100)}" };
                numbers[c] = number == "?" ? null : float.Parse(number, System.Globalization.CultureInfo.InvariantCulture);
                text.Append(random.Next(4) switch { 0 => $"\"{number}\"", 1 when separator != '\t' => $" {number} ", _ => number }).Append(separator);
            }
            text.Append(i % 3).Append(random.Next(2) == 0 ? "\n" : "\r\n");
            rows.Add((i % 3, numbers));
        }
        return (text.ToString(), rows);
    }

    private static uint Category(Dictionary<uint, float> row) => row.Keys.Single(key => key >= 1 && row[key] == 1f && key < (1 << 18) + 2 && key > 1);

    private static float[] Labels(Dataset data) => [.. RowsOf.Data(data).Select(row => row.Label)];

    private static Dictionary<uint, float>[] Rows(Dataset data) => [.. RowsOf.Data(data).Select(row => row.Indices.Zip(row.Values).ToDictionary(pair => pair.First, pair => pair.Second))];

    private static byte[] Gzip(string text)
    {
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Fastest))
            gzip.Write(Encoding.UTF8.GetBytes(text));
        return stream.ToArray();
    }
}
