using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Metrics;
using DistSgd.Learning.Models;

namespace DistSgd.Learning.Tests.Data;

/// <summary>Rows with queries and with several labels.</summary>
public sealed class TargetTests
{
    [Fact]
    public void Read_Queries_AreKeptRowByRow()
    {
        using var file = new TempFile("3 qid:1 1:1 2:2\n2 qid:1 2:1\n# a comment\n\n1 qid:20 1:5\n");
        using Dataset data = LibsvmReader.Read(file.Path);
        Assert.True(data.HasQueries);
        Assert.False(data.HasLabelSets);
        Assert.Equal((1, 1, 20), (data.Query(0), data.Query(1), data.Query(2)));
        Assert.Equal((3f, 2f, 1f), (data.Row(0).Label, data.Row(1).Label, data.Row(2).Label));
        Assert.Equal((uint[])[0, 1], data.Row(0).Indices.ToArray());
    }

    [Fact]
    public void Read_SeveralLabels_AreKeptAscendingRowByRow()
    {
        using var file = new TempFile("3,1 1:1\n2 1:2\n 1:7 2:8\n1,2,9 2:1\n");
        using Dataset data = LibsvmReader.Read(file.Path);
        Assert.True(data.HasLabelSets);
        float[][] expected = [[1, 3], [2], [], [1, 2, 9]];
        Assert.Equal(expected, Enumerable.Range(0, 4).Select(row => data.LabelSet(row).ToArray()));
        Assert.Equal((float[])[1, 2, 3, 9], data.SetLabels);
        Assert.Equal((uint[])[0, 1], data.Row(2).Indices.ToArray());
    }

    [Fact]
    public void Read_ManyRowsInManyParts_KeepTheirQueriesAndLabels()
    {
        string[] lines = [.. Enumerable.Range(0, 3000).Select(row => row % 3 == 0 ? $"{row % 5},7 1:{row}" : $"{row % 5} 1:{row}")];
        using var file = new TempFile(string.Join('\n', lines) + "\n");
        using Dataset data = LibsvmReader.Read(file.Path, new ReadOptions { Threads = 3, ThreadBytesMin = 100, SegmentBytesMax = 4000, BlockBytes = 700 });
        for (int row = 0; row < 3000; row++)
            Assert.Equal(row % 3 == 0 ? (float[])[row % 5, 7] : (float[])[row % 5], data.LabelSet(row).ToArray());
        Assert.True(data.Segments.Count > 1);
    }

    [Theory]
    [InlineData("1 qid:x 1:1\n", "qid")]
    [InlineData("1 1:1 qid:3\n", "behind a feature")]
    [InlineData("1,,2 1:1\n", "comma")]
    [InlineData("1,x 1:1\n", "label")]
    [InlineData(" 1:1\n1 1:2\n", "label is missing")]
    [InlineData("1 qid:1 1:1\n1 1:2\n", "1 of 2 rows have a query")]
    public void Read_MalformedTargets_AreRefused(string text, string says)
    {
        using var file = new TempFile(text);
        Assert.Contains(says, Assert.ThrowsAny<DatasetException>(() => LibsvmReader.Read(file.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Blocks_OfQueries_KeepRowsOfAQueryTogetherInEveryEpoch()
    {
        using var builder = new DatasetBuilder();
        for (int row = 0; row < 200; row++)
            builder.Add(row, row / 7, [0], [row]);
        using Dataset data = builder.Build();
        using BlockSet blocks = BlockSet.Build(data, [new RowRange(0, 200)], new BlockPlan(3, 0, 20, 1, false, LabelMap.Identity) { Targets = TargetKind.Rank });
        var seen = new List<float>();
        for (int b = 0; b < blocks.Count; b++)
        {
            var order = new int[blocks[b].RowCount];
            blocks[b].Order(3, 0, 5, order);
            Assert.Equal(Enumerable.Range(0, order.Length), order.Order());
            float[] labels = blocks[b].Labels.ToArray();
            int changes = Enumerable.Range(1, order.Length - 1).Count(i => (int)labels[order[i]] / 7 != (int)labels[order[i - 1]] / 7);
            Assert.Equal(labels.Select(label => (int)label / 7).Distinct().Count() - 1, changes);
            seen.AddRange(labels);
        }
        Assert.Equal(Enumerable.Range(0, 200).Select(row => (float)row), seen.Order());
    }

    [Fact]
    public void Taxonomy_DistancesAreEdgesOfTheTree()
    {
        using var file = new TempFile("# animals\ncat mammals\nmammals animals\n1 mammals\n2.0 mammals\nbirds animals\n3 birds\n");
        CostMatrix costs = Taxonomy.Read(file.Path, [1, 2, 3]);
        Assert.Equal((float[])[0, 2, 4, 2, 0, 4, 4, 4, 0], costs.Span.ToArray());
    }

    [Theory]
    [InlineData("1 a b\n", "3 words")]
    [InlineData("1 a\n1 b\n2 a\n", "second parent")]
    [InlineData("1 a\n", "class 2")]
    [InlineData("1 a\n2 b\n", "several roots")]
    [InlineData("1 2\n2 1\n", "circle")]
    public void Taxonomy_NoTree_IsRefused(string text, string says)
    {
        using var file = new TempFile(text);
        Assert.Contains(says, Assert.ThrowsAny<DatasetException>(() => Taxonomy.Read(file.Path, [1, 2])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Ndcg_KnownOrder_IsTheHandComputedValue()
    {
        double expected = (7 + 0 + 3 / Math.Log2(4)) / (7 + 3 / Math.Log2(3));
        Assert.Equal(expected, Ndcg.Of([3, 2, 1], [3, 0, 2], 10), 1e-12);
        Assert.Equal(1, Ndcg.Of([3, 1, 2], [3, 0, 2], 10));
        Assert.Equal(1, Ndcg.Of([3, 1, 2], [0, 0, 0], 10));
        Assert.Equal(0, Ndcg.Of([3, 1], [0, 1], 1));
    }
}
