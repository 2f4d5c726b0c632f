using DistSgd.Learning.Batches;

namespace DistSgd.Learning.Tests.Batches;

public sealed class RowOrderTests
{
    [Fact]
    public void EveryOrder_IsAPermutation()
    {
        for (int length = 0; length < 60; length++)
        {
            int[][] orders = [Deal(7, 0, length), Blocks(7, 0, 0, length), Rows(7, 0, 0, 0, length)];
            Assert.All(orders, order => Assert.Equal(Enumerable.Range(0, length), order.Order()));
        }
    }

    [Fact]
    public void EveryOrder_IsTheSameForTheSameSeed()
    {
        Assert.Equal(Deal(7, 1, 100), Deal(7, 1, 100));
        Assert.Equal(Blocks(7, 1, 2, 100), Blocks(7, 1, 2, 100));
        Assert.Equal(Rows(7, 1, 2, 3, 100), Rows(7, 1, 2, 3, 100));
    }

    [Fact]
    public void Orders_OfDifferentSeedsPartitionsEpochsAndBlocks_Differ()
    {
        int[][] orders =
        [
            .. from seed in (ulong[])[0, 1, ulong.MaxValue] from partition in (int[])[0, 1] select Deal(seed, partition, 40),
            .. from seed in (ulong[])[0, 1] from partition in (int[])[0, 1] from epoch in (int[])[0, 1, 2] select Blocks(seed, partition, epoch, 40),
            .. from seed in (ulong[])[0, 1] from partition in (int[])[0, 1] from epoch in (int[])[0, 1] from block in (int[])[0, 1, 2] select Rows(seed, partition, epoch, block, 40),
        ];
        Assert.Equal(orders.Length, orders.Select(order => string.Join(' ', order)).Distinct().Count());
    }

    [Fact]
    public void Rows_OverManyEpochs_PutEachRowAtEachPlaceEquallyOften()
    {
        const int Length = 5, Epochs = 20_000;
        var counts = new int[Length, Length];
        for (int epoch = 0; epoch < Epochs; epoch++)
        {
            int[] order = Rows(3, 0, epoch, 0, Length);
            for (int place = 0; place < Length; place++)
                counts[place, order[place]]++;
        }
        // Six standard deviations of a binomial with p = 1/5.
        double allowed = 6 * Math.Sqrt(Epochs * 0.2 * 0.8);
        foreach (int count in counts)
            Assert.InRange(count, Epochs / 5 - allowed, Epochs / 5 + allowed);
    }

    private static int[] Deal(ulong seed, int partition, int length)
    {
        var places = new int[length];
        RowOrder.Deal(seed, partition, places);
        return places;
    }

    private static int[] Blocks(ulong seed, int partition, int epoch, int length)
    {
        var blocks = new int[length];
        RowOrder.Blocks(seed, partition, epoch, blocks);
        return blocks;
    }

    private static int[] Rows(ulong seed, int partition, int epoch, int block, int length)
    {
        var rows = new int[length];
        RowOrder.Rows(seed, partition, epoch, block, rows);
        return rows;
    }
}
