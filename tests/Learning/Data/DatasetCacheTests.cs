using System.Diagnostics;
using DistSgd.Learning.Data;

namespace DistSgd.Learning.Tests.Data;

public sealed class DatasetCacheTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);
    private static readonly CacheOptions Always = new() { Mode = CacheMode.Require };
    private static readonly string Text = string.Concat(Enumerable.Range(0, 300).Select(i => $"{i % 2} 1:{i} {i + 2}:0.5\n"));
    private static readonly ReadOptions Small = new() { SegmentBytesMax = 1000, ThreadBytesMin = 100, Threads = 2, BlockBytes = 300 };

    [Fact]
    public void Open_SecondTime_ReadsTheCacheAndGivesTheSame()
    {
        using var file = new TempFile(Text);
        using var parsed = Dataset.Open(file.Path, Small, Always);
        Assert.Null(parsed.Notice);
        using var cached = Dataset.Open(file.Path, Small, Always);
        Assert.Contains("read from the cache", cached.Notice, StringComparison.Ordinal);
        RowsOf.AssertSame(RowsOf.Data(parsed), RowsOf.Data(cached), "cache");
        Assert.Equal(parsed.Facts, cached.Facts);
    }

    [Fact]
    public void CacheTruncatedAfterItWasOpened_LeavesTheDataAsItWas()
    {
        string text = string.Concat(Enumerable.Repeat(Text, 40)); // many pages
        using var file = new TempFile(text);
        using var parsed = Dataset.Open(file.Path, Small, Always);
        using var cached = Dataset.Open(file.Path, Small, Always);
        using (var cache = new FileStream(Dataset.CachePath(file.Path), FileMode.Open, FileAccess.Write)) cache.SetLength(0);
        RowsOf.AssertSame(RowsOf.Data(parsed), RowsOf.Data(cached), "cache");
    }

    [Fact]
    public void Streamed_RowsInAnyOrderFromAnyThread_AreThoseInMemory()
    {
        // Rows of none to 70,000 non-zeros: longer than a window may be.
        string text = string.Concat(Enumerable.Range(0, 400).Select(row => $"{row} {string.Concat(Enumerable.Range(1, row == 37 ? 70_000 : row % 300).Select(j => $" {j}:{row + (j % 9)}"))}\n"));
        using var file = new TempFile(text);
        using var memory = Dataset.Open(file.Path, new ReadOptions { Threads = 2, ThreadBytesMin = 1000 }, Always);
        using var streamed = Dataset.Open(file.Path, new ReadOptions { MemoryMax = 1000 }, Always);
        Assert.True(streamed.IsStreamed);
        RowsOf.AssertSame(RowsOf.Data(memory), RowsOf.Data(streamed), "in order");
        Parallel.For(0, 4, thread =>
        {
            var random = new Random(thread);
            for (int i = 0; i < 2000; i++)
            {
                long row = random.Next(400);
                for (long next = row; next < Math.Min(400, row + random.Next(1, 4)); next++)
                {
                    Assert.Equal(memory.Row(next).Label, streamed.Row(next).Label);
                    Assert.True(memory.Row(next).Indices.SequenceEqual(streamed.Row(next).Indices) && memory.Row(next).Values.SequenceEqual(streamed.Row(next).Values), $"row {next}");
                    Assert.Equal(memory.Row(next).Indices.Length, streamed.CountNonZeros(next));
                }
            }
        });
        Assert.Throws<InvalidOperationException>(() => streamed.Segments[0].Indices.Length);
    }

    [Fact]
    public void Open_Auto_WritesInTheBackgroundAndSmallFilesNot()
    {
        using var file = new TempFile(Text);
        using (var small = Dataset.Open(file.Path, Small)) Assert.Null(small.WaitForCache());
        Assert.False(File.Exists(file.Path + ".dscache"));
        using (Dataset.Open(file.Path, Small, new CacheOptions { SourceBytesMin = 1 })) { }
        Assert.True(File.Exists(file.Path + ".dscache"));
        Assert.Empty(Directory.GetFiles(file.Folder, "*.tmp"));
    }

    [Fact]
    public void Open_AnyByteOfTheCacheChanged_IsNotUsed()
    {
        using var file = new TempFile(Text);
        using (Dataset.Open(file.Path, Small, Always)) { }
        string cache = file.Path + ".dscache";
        byte[] whole = File.ReadAllBytes(cache);
        var places = Places(whole);
        for (int at = 0; at < whole.Length; at += at < 400 ? 1 : 97)
        {
            if (!places.Any(p => at >= p.Start && at < p.End)) continue;
            byte[] damaged = [.. whole];
            damaged[at] ^= 0x10;
            AssertRefused(file, cache, damaged, $"byte {at}");
        }
    }

    [Fact]
    public void Open_CacheTruncatedOrLonger_IsNotUsed()
    {
        using var file = new TempFile(Text);
        using (Dataset.Open(file.Path, Small, Always)) { }
        string cache = file.Path + ".dscache";
        byte[] whole = File.ReadAllBytes(cache);
        foreach (int length in (int[])[0, 1, 19, 20, 100, whole.Length / 2, whole.Length - 1]) AssertRefused(file, cache, whole[..length], $"length {length}");
        AssertRefused(file, cache, [.. whole, 0], "one byte more");
    }

    [Fact]
    public void Open_DamagedCache_IsMadeAnew()
    {
        using var file = new TempFile(Text);
        using (Dataset.Open(file.Path, Small, Always)) { }
        File.WriteAllBytes(file.Path + ".dscache", new byte[5000]);
        using (var data = Dataset.Open(file.Path, Small, Always)) Assert.Contains("was not used: it is not a cache; it is made anew", data.Notice, StringComparison.Ordinal);
        using (var data = Dataset.Open(file.Path, Small, Always)) Assert.Contains("read from the cache", data.Notice, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_SourceChanged_CacheIsNotUsed()
    {
        using var file = new TempFile(Text);
        using (Dataset.Open(file.Path, Small, Always)) { }
        var modified = File.GetLastWriteTimeUtc(file.Path);

        File.WriteAllText(file.Path, Text.Replace("0.5", "0.6"));
        File.SetLastWriteTimeUtc(file.Path, modified); // length and time as before: the sample tells
        using (var data = Dataset.Open(file.Path, Small, Always))
        {
            Assert.Contains("has changed", data.Notice, StringComparison.Ordinal);
            Assert.Equal(0.6f, data.Row(0).Values[1]);
        }
        File.SetLastWriteTimeUtc(file.Path, modified.AddSeconds(1));
        using (var data = Dataset.Open(file.Path, Small, Always)) Assert.Contains("has changed", data.Notice, StringComparison.Ordinal);
        using (var data = Dataset.Open(file.Path, Small with { IndexBase = IndexBase.Zero }, Always)) Assert.Contains("index base", data.Notice, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_ByteChangedBetweenTheSamples_LengthAndTimeKept_CacheIsNotUsed()
    {
        const int at = 66_000; // behind the first 64 KiB, before the block at 3/17
        byte[] text = [.. Enumerable.Repeat("1 1:1 2:3\n"u8.ToArray(), 40_000).SelectMany(line => line)];
        using var file = new TempFile(text);
        using (Dataset.Open(file.Path, null, Always)) { }
        using (var data = Dataset.Open(file.Path, null, Always)) Assert.Contains("read from the cache", data.Notice, StringComparison.Ordinal);
        var modified = File.GetLastWriteTimeUtc(file.Path);
        CacheKey before = Key(file.Path), after;
        long started = Stopwatch.GetTimestamp();
        Assert.Equal((byte)'1', text[at]);
        text[at] = (byte)'0';
        do
        {
            File.WriteAllBytes(file.Path, text);
            File.SetLastWriteTimeUtc(file.Path, modified);
            after = Key(file.Path);
            Assert.True(Stopwatch.GetElapsedTime(started) < Deadline, $"the file's time of change stays {before.ChangedNs}");
        }
        while (after.ChangedNs == before.ChangedNs);
        Assert.Equal(before with { ChangedNs = after.ChangedNs }, after);
        using (var data = Dataset.Open(file.Path, null, Always))
        {
            Assert.Contains("the data file has changed since it was made; it is made anew", data.Notice, StringComparison.Ordinal);
            Assert.Equal(0, data.Label(at / 10));
        }

        static CacheKey Key(string path)
        {
            using var source = SourceFile.Open(path);
            return CacheKey.Of(source);
        }
    }

    [Fact]
    public void Open_FolderInTheCachesPlace_IsLeftAlone_AndSaid()
    {
        using var file = new TempFile(Text);
        Directory.CreateDirectory(Dataset.CachePath(file.Path));
        using var data = Dataset.Open(file.Path, Small, new CacheOptions { SourceBytesMin = 1 });
        Assert.Equal(300, data.RowCount);
        Assert.Contains("is a folder", data.Notice, StringComparison.Ordinal);
        Assert.Null(data.WaitForCache());
        Assert.Contains("is a folder; expected a file, or none", Assert.Throws<DatasetException>(() => Dataset.Open(file.Path, Small, Always)).Message, StringComparison.Ordinal);
        var (part, _) = Dataset.OpenPartition(file.Path, new Partition(0, 2), Small with { IndexBase = IndexBase.One }, new CacheOptions { SourceBytesMin = 1 });
        part.Dispose();
    }

    [Fact]
    public void Open_FolderThatCannotBeWritten_TrainsAndSaysSo()
    {
        using var file = new TempFile(Text);
        var elsewhere = new CacheOptions { SourceBytesMin = 1, Directory = Path.Combine(file.Folder, "missing") };
        using var data = Dataset.Open(file.Path, Small, elsewhere);
        Assert.Equal(300, data.RowCount);
        Assert.Contains("no cache was written", data.WaitForCache(), StringComparison.Ordinal);
        Assert.Throws<DatasetException>(() => Dataset.Open(file.Path, Small, elsewhere with { Mode = CacheMode.Require }));
    }

    [Fact]
    public void Open_ForAModel_UsesNoCache()
    {
        using var file = new TempFile(Text);
        using (Dataset.Open(file.Path, Small with { IndexBase = IndexBase.One, ExpectedFeatures = 10 }, Always)) { }
        Assert.False(File.Exists(file.Path + ".dscache"));
    }

    private static void AssertRefused(TempFile file, string cache, byte[] damaged, string context)
    {
        File.WriteAllBytes(cache, damaged);
        using var source = SourceFile.Open(file.Path);
        using var data = CacheFile.TryOpen(cache, CacheKey.Of(source), Small, source.Path, out string? refusal);
        Assert.True(data is null && refusal is not null, $"{context}: refusal \"{refusal}\"");
    }

    /// <summary>Header and sections; between them is padding, which nothing reads.</summary>
    private static List<(long Start, long End)> Places(byte[] cache)
    {
        Assert.Null(CacheHeader.CheckPrefix(cache, cache.Length, out int bytes));
        var header = CacheHeader.FromBody(cache, cache[CacheHeader.PrefixBytes..(CacheHeader.PrefixBytes + bytes)])!;
        return [(0, header.Bytes), .. header.Sections(out _).Select(s => (s.Start, s.Start + s.Bytes))];
    }
}
