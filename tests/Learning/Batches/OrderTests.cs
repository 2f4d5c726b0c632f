using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Models;

namespace DistSgd.Learning.Tests.Batches;

/// <summary>Orders of rows, and blocks that are gathered at each visit.</summary>
public sealed class OrderTests
{
    private const int Rows = 1000;

    [Fact]
    public void Sequential_VisitsRowsAsTheyLie()
    {
        using Dataset data = Numbered(_ => 1);
        using BlockSet blocks = BlockSet.Build(data, [new RowRange(100, 500)], Plan(64) with { Order = RowOrderKind.Sequential });
        Assert.Equal(Enumerable.Range(100, 500), Visited(blocks));
    }

    [Fact]
    public void Interleaved_NeighboursDifferAndEachStretchHasItsShareOfEachClass()
    {
        using Dataset data = Numbered(row => row < 300 ? 1 : -1); // sorted by class, three to seven
        using BlockSet blocks = BlockSet.Build(data, [new RowRange(0, Rows)], Plan(100) with { Order = RowOrderKind.Interleaved, Labels = LabelMap.Binary(-1, 1) });
        int[] visited = [.. Visited(blocks)];
        Assert.Equal(Enumerable.Range(0, Rows), visited.Order());
        for (int first = 0; first < Rows; first += 10)
            Assert.Equal(3, visited.Skip(first).Take(10).Count(row => row < 300));
        Assert.NotEqual(visited.Where(row => row < 300).Order(), visited.Where(row => row < 300));
    }

    [Fact]
    public void LargestLoss_ComesFirstOverTheWholePartition_ButOutliersCountAsTheCap_InRandomOrder()
    {
        using Dataset data = Numbered(_ => 1);
        foreach (bool compact in (bool[])[false, true])
        {
            using BlockSet blocks = BlockSet.Build(data, [new RowRange(0, Rows)], Plan(64, compact) with { Order = RowOrderKind.LargestLoss });
            int[] first = [.. Epoch(blocks, 0)];
            Assert.Equal(Enumerable.Range(0, Rows), first.Order());
            // Losses from 0 to 999, and two outliers beyond the cap.
            float[] losses = [.. Enumerable.Range(0, Rows).Select(row => row switch { 13 => 1e6f, 14 => 1e7f, _ => (float)row })];
            blocks.Losses!.Keep([.. Enumerable.Range(0, Rows)], [.. Enumerable.Range(0, Rows)], losses);
            int[][] later = [.. Enumerable.Range(1, 20).Select(epoch => Epoch(blocks, epoch).ToArray())];
            Assert.All(later, visited => Assert.Equal([13, 14], visited[..2].Order()));
            Assert.All(later, visited => Assert.Equal(Enumerable.Range(0, Rows).Reverse().Where(row => row is not (13 or 14)), visited[2..]));
            Assert.InRange(later.Count(visited => visited[0] == 13), 2, 18);
        }
    }

    [Fact]
    public void LargestLoss_OfStreamedRows_OrdersRunsByTheirMean_AndTheRowsOfABlockByTheirOwn()
    {
        using Dataset data = Numbered(_ => 1, 1034);
        using BlockSet blocks = BlockSet.Build(data, [new RowRange(0, 1034)], Plan(64) with { Order = RowOrderKind.LargestLoss, Streams = true });
        Assert.Equal(Enumerable.Range(0, 1034), Epoch(blocks, 0).Order());
        float[] losses = [.. Enumerable.Range(0, 1034).Select(row => (float)(row / 32 * 7 % 32 + row % 3))];
        blocks.Losses!.Keep([.. Enumerable.Range(0, 1034)], [.. Enumerable.Range(0, 1034)], losses);
        int[] visited = [.. Epoch(blocks, 1)];
        Assert.Equal(Enumerable.Range(0, 32).OrderByDescending(run => run * 7 % 32).Chunk(2).SelectMany(runs => Enumerable.Range(0, 32).SelectMany(row => runs.Select(run => run * 32 + row)).OrderByDescending(row => losses[row])).Select(row => losses[row]),
            visited[..1024].Select(row => losses[row]));
        Assert.Equal(Enumerable.Range(1024, 10), visited[1024..].Order());
    }

    [Fact]
    public void Streamed_EveryRowOnce_FromAllOverTheData_InBoundedMemory()
    {
        foreach (bool compact in (bool[])[false, true])
        {
            using Dataset data = Numbered(_ => 1, 20_000);
            using BlockSet streamed = BlockSet.Build(data, [new RowRange(0, 20_000)], Plan(128, compact) with { Streams = true });
            using BlockSet gathered = BlockSet.Build(data, [new RowRange(0, 20_000)], Plan(128, compact));
            int[] visited = [.. Visited(streamed)];
            Assert.Equal(Enumerable.Range(0, 20_000), visited.Order());
            Assert.Equal(gathered.NonZeroCount, streamed.NonZeroCount);
            Assert.True(streamed.MemoryBytes * 20 < gathered.MemoryBytes, $"{streamed.MemoryBytes} bytes for blocks that are {gathered.MemoryBytes} together");
            // A block's rows come from far apart: two-level shuffling survives.
            int[] firstBlock = visited[..128];
            Assert.True(firstBlock.Max() - firstBlock.Min() > 5000);
            Assert.InRange(firstBlock.Zip(firstBlock.Skip(1)).Count(pair => pair.Second != pair.First + 1), 2, 4);
            Assert.True(streamed.KeysMax >= Enumerable.Range(0, streamed.Count).Max(b => streamed[b].Keys?.Length ?? 0));
            // Again, in any order: the same blocks.
            Assert.Equal(visited.Skip(128 * 7).Take(128), Visit(streamed[7]));
            Assert.Equal(visited.Take(128), Visit(streamed[0]));
        }
    }

    [Fact]
    public void Streamed_BlocksInUse_StayValidWhileTheNextOnesAreLoaded()
    {
        using Dataset data = Numbered(_ => 1, 2000);
        using BlockSet blocks = BlockSet.Build(data, [new RowRange(0, 2000)], Plan(64) with { Streams = true });
        Block first = blocks[0];
        int[] before = [.. Visit(first)];
        for (int more = 1; more < StreamedBlocks.Slots; more++)
            _ = blocks[more];
        Assert.Equal(before, Visit(first));
    }

    [Fact]
    public void CacheOfALargeFile_MadePartByPart_IsTheSameData()
    {
        string text = string.Concat(Enumerable.Range(0, 3000).Select(i => $"{i % 3} {1 + i % 7}:{i}.5 {20 + i % 11}:0.25\n"));
        using var file = new Data.TempFile(text);
        using Dataset parsed = Dataset.Open(file.Path, new ReadOptions(), new CacheOptions { Mode = CacheMode.Off });
        var small = new ReadOptions { MemoryMax = 8192, ThreadBytesMin = 1000, BlockBytes = 300, SegmentBytesMax = 500, Threads = 2 };
        using Dataset streamed = Dataset.Open(file.Path, small, new CacheOptions());
        Assert.True(streamed.Segments.Count > 20);
        Assert.Equal(0, streamed.ParsedBytes);
        Data.RowsOf.AssertSame(Data.RowsOf.Data(parsed), Data.RowsOf.Data(streamed), "streamed");
        Assert.Equal((parsed.FeatureCount, parsed.IndexBase), (streamed.FeatureCount, streamed.IndexBase));
        // The next run, without a limit, uses it too.
        using Dataset again = Dataset.Open(file.Path, new ReadOptions(), new CacheOptions { SourceBytesMin = 1 });
        Assert.Contains("read from the cache", again.Notice, StringComparison.Ordinal);
    }

    [Fact]
    public void CacheOfALargeCsvFile_MadePartByPart_IsTheSameDataAndLayout()
    {
        string text = "x,c,w,y\n" + string.Concat(Enumerable.Range(0, 3000).Select(i => $"{(i % 9 == 0 ? "" : $"{i}.5")},c{i % 40},{i % 3},{(i % 2 == 0 ? "up" : "down")}\n"));
        using var file = new Data.TempFile(text, "large.csv");
        var options = new ReadOptions { Csv = new() { WeightColumn = "w", HashBits = 12 }, ThreadBytesMin = 1000, BlockBytes = 300, SegmentBytesMax = 5000, Threads = 2 };
        using Dataset parsed = Dataset.Open(file.Path, options, new CacheOptions { Mode = CacheMode.Off });
        using Dataset streamed = Dataset.Open(file.Path, options with { MemoryMax = 8192 }, new CacheOptions());
        Assert.True(streamed.Segments.Count > 20);
        Assert.Equal(parsed.Layout, streamed.Layout);
        Assert.Equal(parsed.Weights.ToArray(), streamed.Weights.ToArray());
        Data.RowsOf.AssertSame(Data.RowsOf.Data(parsed), Data.RowsOf.Data(streamed), "streamed");
    }

    [Theory]
    [InlineData("1 1:1\n0 2:x\n", CacheMode.Auto, ":2:5: found \"x\" as value")]
    [InlineData("1 qid:1 1:1\n0 qid:1 2:1\n", CacheMode.Auto, "queries or several labels can't be streamed")]
    [InlineData("1 1:1\n0 2:1\n", CacheMode.Off, "allow a cache (--cache auto)")]
    [InlineData("a,b,y\n1,2,0\n2,\"3\n4\",1\n", CacheMode.Auto, "a line ends within quotes")]
    [InlineData("a,b,y\n1,2,0\n2,x,1\n5\n", CacheMode.Auto, ":4:2: the row has 1 field; expected 3")]
    [InlineData("# nothing\n\n\n", CacheMode.Auto, "the file has no rows")]
    public void LargeFile_ThatCannotBeStreamed_IsRefused_AndLeavesNoCache(string text, CacheMode mode, string expected)
    {
        using var file = new Data.TempFile(text);
        DatasetException refused = Assert.ThrowsAny<DatasetException>(() => Dataset.Open(file.Path, new ReadOptions { MemoryMax = 4 }, new CacheOptions { Mode = mode }).Dispose());
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(file.Folder));
    }

    [Fact]
    public void CacheTruncatedOrOverwrittenWhileStreamed_IsSaid()
    {
        string text = string.Concat(Enumerable.Range(0, 3000).Select(i => $"{i % 2} {1 + i % 7}:{i}.5\n"));
        using var file = new Data.TempFile(text);
        using Dataset streamed = Dataset.Open(file.Path, new ReadOptions { MemoryMax = 8192 }, new CacheOptions());
        using BlockSet blocks = BlockSet.Build(streamed, [new RowRange(0, streamed.RowCount)], Plan(100) with { Streams = true });
        Assert.Equal(100, blocks[0].RowCount);
        string path = Dataset.CachePath(file.Path);
        byte[] whole = File.ReadAllBytes(path);
        foreach ((int kept, string how) in (ReadOnlySpan<(int, string)>)[(whole.Length, "overwritten"), (4096, "truncated")])
        {
            using (var cache = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            {
                cache.SetLength(kept);
                cache.Write(new byte[kept]);
            }
            DatasetException refused = Assert.Throws<DatasetException>(() => blocks[1]);
            Assert.Contains($"{path}: the cache was {how} while it was read", refused.Message, StringComparison.Ordinal);
            Assert.Throws<DatasetException>(() => Evaluation.Compute(new ModelSpec { Kind = ModelKind.Linear, Loss = LossKind.Squared }, new float[streamed.FeatureCount + 1], streamed, LabelMap.Identity, 2));
        }
    }

    private static BlockPlan Plan(int rowsPerBlock, bool compact = false) => new(5, 0, rowsPerBlock, 50, compact, LabelMap.Identity);

    // Feature 0 holds the row's number.
    private static Dataset Numbered(Func<int, float> label, int rows = Rows)
    {
        using var builder = new DatasetBuilder();
        for (int row = 0; row < rows; row++)
            builder.Add(label(row), [0, (uint)(1 + row % 49)], [row + 1, 1]);
        return builder.Build();
    }

    private static IEnumerable<int> Visited(BlockSet blocks) => Enumerable.Range(0, blocks.Count).SelectMany(b => Visit(blocks[b]).ToArray());

    // As a worker visits them.
    private static IEnumerable<int> Epoch(BlockSet blocks, int epoch)
    {
        blocks.Deal(epoch);
        for (int b = 0; b < blocks.Count; b++)
        {
            Block block = blocks[b];
            var order = new int[block.RowCount];
            block.Order(5, 0, epoch, order);
            blocks.Losses!.Sort(order, block.Places);
            foreach (int row in order)
                yield return (int)block.Rows.Values[block.Rows.RowStarts[row]] - 1;
        }
    }

    private static int[] Visit(Block block)
    {
        var order = new int[block.RowCount];
        if (block.IsInOrder)
            block.Order(5, 0, 0, order);
        else
            order = [.. Enumerable.Range(0, block.RowCount)];
        float[] values = block.Rows.Values.ToArray();
        int[] starts = block.Rows.RowStarts.ToArray();
        return [.. order.Select(row => (int)values[starts[row]] - 1)];
    }
}
