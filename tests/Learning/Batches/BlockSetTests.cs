using DistSgd.Kernels;
using DistSgd.Learning.Batches;
using DistSgd.Learning.Data;
using DistSgd.Learning.Preprocessing;

namespace DistSgd.Learning.Tests.Batches;

public sealed class BlockSetTests
{
    private const int Features = 40;

    [Fact]
    public void Build_AnyCut_HoldsEachRowOfThePartitionOnceInTheDealtOrder()
    {
        using Dataset data = RandomData.Build(103, Features, 0.15, seed: 1);
        foreach (bool compact in (bool[])[false, true])
        {
            foreach (int rowsPerBlock in (int[])[1, 7, 50, 1000])
            {
                foreach ((int first, int count) in ((int, int)[])[(0, 103), (20, 60), (102, 1)])
                {
                    using BlockSet blocks = BlockSet.Build(data, [new RowRange(first, count)], Plan(rowsPerBlock, compact));
                    var deal = new int[count];
                    RowOrder.Deal(9, 0, deal);
                    (uint, float)[][] expected = [.. deal.Select(place => Row(data, first + place))];
                    Assert.Equal(expected, Enumerable.Range(0, blocks.Count).SelectMany(b => Rows(blocks[b])));
                    Assert.Equal((count, (count + rowsPerBlock - 1) / rowsPerBlock, Math.Min(count, rowsPerBlock)), (blocks.RowCount, blocks.Count, blocks.RowsMax));
                    Assert.Equal(expected.Sum(row => (long)row.Length), blocks.NonZeroCount);
                }
            }
        }
    }

    [Fact]
    public void Build_Compact_KeysAreTheBlocksOwnAscendingWithTheBiasLast()
    {
        using Dataset data = RandomData.Build(50, Features, 0.1, seed: 2);
        using BlockSet blocks = BlockSet.Build(data, [new RowRange(0, 50)], Plan(8, compact: true));
        for (int b = 0; b < blocks.Count; b++)
        {
            uint[] keys = blocks[b].Keys!;
            uint[] used = [.. Rows(blocks[b]).SelectMany(row => row.Select(one => one.Index)).Distinct().Order(), Features];
            Assert.Equal(used, keys);
        }
        Assert.Equal(Enumerable.Range(0, blocks.Count).Max(b => blocks[b].Keys!.Length), blocks.KeysMax);
    }

    [Fact]
    public void Build_FeaturesTheModelDoesNotKnow_AreLeftOut()
    {
        using Dataset data = RandomData.Build(30, Features, 0.3, seed: 3);
        using BlockSet blocks = BlockSet.Build(data, [new RowRange(0, 30)], Plan(30, compact: false) with { Features = 17 });
        var deal = new int[30];
        RowOrder.Deal(9, 0, deal);
        Assert.Equal(deal.Select(place => Row(data, place).Where(one => one.Index < 17).ToArray()), Rows(blocks[0]));
    }

    [Fact]
    public void Build_WithScaling_HoldsTheTransformedRows()
    {
        using Dataset data = RandomData.Build(30, 5, 0.5, seed: 4);
        FeatureScaling scaling = FeatureScaling.From([0f, 0.5f, 0f, -1f, 0f], [1f, 2f, 0.5f, 1f, 3f]);
        using BlockSet blocks = BlockSet.Build(data, [new RowRange(0, 30)], Plan(30, compact: false) with { Features = 5, Scaling = scaling });
        var deal = new int[30];
        RowOrder.Deal(9, 0, deal);
        var transform = new RowTransform(scaling);
        Assert.Equal(
            deal.Select(place =>
            {
                transform.Apply(data.Row(place).Indices, data.Row(place).Values);
                return transform.Indices.ToArray().Zip(transform.Values.ToArray()).ToArray();
            }),
            Rows(blocks[0]));
    }

    [Fact]
    public void Build_Labels_AreMappedToTargets_AndUnknownOnesRefused()
    {
        using Dataset data = RandomData.Build(20, Features, 0.1, seed: 5, label: random => random.Next(2) * 3 + 1);
        using BlockSet blocks = BlockSet.Build(data, [new RowRange(0, 20)], Plan(20, compact: true) with { Labels = LabelMap.Binary(1, 4) });
        var deal = new int[20];
        RowOrder.Deal(9, 0, deal);
        Assert.Equal(deal.Select(place => data.Row(place).Label == 1 ? -1f : 1f), blocks[0].Labels.ToArray());
        Assert.Throws<LabelException>(() => BlockSet.Build(data, [new RowRange(0, 20)], Plan(20, compact: true) with { Labels = LabelMap.Binary(0, 4) }));
    }

    private static BlockPlan Plan(int rowsPerBlock, bool compact) => new(9, 0, rowsPerBlock, Features, compact, LabelMap.Binary(-1, 1));

    private static (uint Index, float Value)[] Row(Dataset data, long row) => [.. data.Row(row).Indices.ToArray().Zip(data.Row(row).Values.ToArray())];

    private static IEnumerable<(uint Index, float Value)[]> Rows(Block block)
    {
        var rows = new List<(uint, float)[]>();
        SparseRows all = block.Rows;
        for (int i = 0; i < block.RowCount; i++)
        {
            var row = new List<(uint, float)>();
            for (int j = all.RowStarts[i]; j < all.RowStarts[i + 1]; j++)
                row.Add((block.Keys is null ? all.Indices[j] : block.Keys[all.Indices[j]], all.Values[j]));
            rows.Add([.. row]);
        }
        return rows;
    }
}
