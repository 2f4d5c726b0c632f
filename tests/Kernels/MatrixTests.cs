using DistSgd.Kernels.Matrix;

namespace DistSgd.Kernels.Tests;

public sealed class MatrixTests
{
    private const int Guard = 7;

    [Fact]
    public void Product_EveryFormShapeAndSmallSize_EqualsTheChain()
    {
        int[] sizes = [0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40];
        foreach (var rows in sizes)
        {
            foreach (var columns in sizes)
            {
                foreach (var depth in new[] { 0, 1, 2, 7, 8, 9, 23 }) CheckAllForms(rows, columns, depth);
            }
        }
    }

    [Fact]
    public void Product_EverySizeTo40_EqualsTheChain()
    {
        for (var size = 0; size <= 40; size++)
        {
            CheckAllForms(size, 10, 5);
            CheckAllForms(4, size, 11);
            CheckAllForms(9, 20, size);
            CheckAllForms(size, size, size);
        }
    }

    [Fact]
    public void Product_DeeperThanABlock_IsStillOneChain()
    {
        foreach (var depth in new[] { ProductLoops.DepthMax - 1, ProductLoops.DepthMax, ProductLoops.DepthMax + 1, 2 * ProductLoops.DepthMax + 3, 784 })
        {
            CheckAllForms(13, 45, depth);
            CheckAllForms(3, 10, depth);
        }
    }

    [Fact]
    public void Product_TallerOrWiderThanABlock_EqualsTheChain()
    {
        foreach (var rows in new[] { ProductLoops.RowsMax, ProductLoops.RowsMax + 1, 2 * ProductLoops.RowsMax + 9 }) CheckAllForms(rows, 70, 5);
        CheckAllForms(9, ProductLoops.ColumnsMax + 37, 6);
        CheckAllForms(ProductLoops.RowsMax + 3, ProductLoops.ColumnsMax + 65, 3);
    }

    [Fact]
    public void Team_AnyNumberOfThreads_GivesTheBitsOfOne()
    {
        foreach (var threads in new[] { 1, 2, 3, 5 })
        {
            using var team = new MatrixTeam(threads);
            for (var round = 0; round < 50; round++)
            {
                // The widest of them has many panels.
                var (rows, columns, depth) = (1 + round * 37 % 230, 1 + round * 53 % 250 + (round % 10 == 9 ? 1300 : 0), round * 11 % 160);
                var (a, b) = (Samples.Wild(round, rows * depth), Samples.Wild(round + 1, depth * columns));
                var (expected, actual) = (new float[rows * columns], new float[rows * columns]);
                MatrixProduct.Set(new(a, rows, depth), new(b, depth, columns), new(expected, rows, columns));
                team.Set(new(a, rows, depth), new(b, depth, columns), new(actual, rows, columns));
                Samples.SameBits(expected, actual, $"{threads} threads, {rows} x {depth} x {columns}");
            }
        }
    }

    [Fact]
    public void Product_SizesThatDoNotFit_Throws()
    {
        var memory = new float[100];
        Assert.Throws<ArgumentException>(() => MatrixProduct.Set(new(memory, 2, 3), new(memory, 4, 5), new(memory, 2, 5)));
        Assert.Throws<ArgumentException>(() => MatrixProduct.Set(new(memory, 2, 3), new(memory, 3, 5), new(memory, 2, 4)));
        Assert.Throws<ArgumentException>(() => MatrixProduct.Set(new(memory, 2, 3), new(memory, 3, 5), new float[4], new(memory, 2, 5)));
        Assert.Throws<ArgumentException>(() => new MatrixSpan(memory, 11, 10));
        Assert.Throws<ArgumentException>(() => new ReadOnlyMatrixSpan(memory, 2, 10, 9));
    }

    // Both operands straight and transposed, odd strides, the three starts; floats around C must stay as they were.
    private static void CheckAllForms(int rows, int columns, int depth)
    {
        for (var shape = 0; shape < 4; shape++)
        {
            var (turnA, turnB) = ((shape & 1) != 0, (shape & 2) != 0);
            var (aValues, aStride) = Operand(rows * 100 + depth, turnA ? depth : rows, turnA ? rows : depth);
            var (bValues, bStride) = Operand(columns * 100 + depth + 1, turnB ? columns : depth, turnB ? depth : columns);
            var bias = Samples.Wild(columns, columns);
            var before = Samples.Wild(rows + columns, rows * (columns + Guard));
            foreach (var start in Enum.GetValues<ChainStart>())
            {
                var expected = Twin(rows, columns, depth, aValues, turnA ? (1, aStride) : (aStride, 1), bValues, turnB ? (1, bStride) : (bStride, 1), bias, start, before);
                foreach (var form in Samples.Forms())
                {
                    var actual = before.ToArray();
                    var a = new ReadOnlyMatrixSpan(aValues, turnA ? depth : rows, turnA ? rows : depth, aStride);
                    var b = new ReadOnlyMatrixSpan(bValues, turnB ? columns : depth, turnB ? depth : columns, bStride);
                    var c = new MatrixSpan(actual, rows, columns, columns + Guard);
                    MatrixProduct.Run(form, turnA ? a.Transposed : a, turnB ? b.Transposed : b, c, start == ChainStart.Bias ? bias : [], start, null);
                    Samples.SameBits(expected, actual, $"{form}, {rows} x {depth} x {columns}, transposed {turnA} {turnB}, start {start}");
                }
            }
        }
    }

    private static (float[] Values, int Stride) Operand(int seed, int rows, int columns) => (Samples.Wild(seed, rows * (columns + 3)), columns + 3);

    private static float[] Twin(
        int rows, int columns, int depth, float[] a, (int Row, int Column) aStride, float[] b, (int Row, int Column) bStride, float[] bias, ChainStart start, float[] before)
    {
        var c = before.ToArray();
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++)
            {
                var sum = start switch { ChainStart.Zero => 0f, ChainStart.Bias => bias[j], _ => c[i * (columns + Guard) + j] };
                for (var k = 0; k < depth; k++)
                {
                    sum = MathF.FusedMultiplyAdd(a[i * aStride.Row + k * aStride.Column], b[k * bStride.Row + j * bStride.Column], sum);
                }

                c[i * (columns + Guard) + j] = sum;
            }
        }

        return c;
    }
}
