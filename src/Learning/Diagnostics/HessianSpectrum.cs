using DistSgd.Kernels;
using DistSgd.Learning.Data;
using DistSgd.Learning.Reference;

namespace DistSgd.Learning.Diagnostics;

/// <summary>The ends of a Hessian's spectrum.</summary>
/// <param name="Largest">Largest eigenvalue.</param>
/// <param name="Smallest">Smallest eigenvalue.</param>
/// <param name="Products">Hessian-vector products it took.</param>
public readonly record struct SpectrumEnds(double Largest, double Smallest, int Products)
{
    /// <summary>Their ratio; infinite where the smallest is 0 or less, up to rounding.</summary>
    public double Condition => Smallest > Largest * 1e-9 ? Largest / Smallest : double.PositiveInfinity;
}

/// <summary>
/// Largest and smallest eigenvalue of an objective's Hessian from Hessian-vector products: power iteration that keeps its vectors and looks for both ends among all their combinations (Lanczos 1950, with full
/// reorthogonalisation), since the smallest by plain power iteration takes as many products as the condition number. A product Hv is the central difference of two gradients in float64. The largest is approached from
/// below, the smallest from above. Pure; any thread.
/// </summary>
public static class HessianSpectrum
{
    private const double Step = 1e-4;
    private const int ProductsMax = 300;
    private const int ProductsPerLook = 5;
    private const double Tolerance = 1e-4;
    private const long KeptFloatsMax = 1 << 24;

    /// <summary>Estimates both ends, to about 1e-4 relative or until 300 products are done.</summary>
    /// <param name="objective">The objective.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="point">Where the Hessian is taken.</param>
    /// <param name="without">A direction along which the objective never changes, and which is left out; null: none.</param>
    /// <param name="cancellationToken">Gives up between products.</param>
    public static SpectrumEnds Estimate(ReferenceObjective objective, in SparseRows rows, double[] point, double[]? without = null, CancellationToken cancellationToken = default)
    {
        // The directions that later ones are orthogonal to, the basis last.
        List<double[]> taken = without is null ? [] : [Scaled(without)];
        var diagonal = new List<double>();
        var beside = new List<double>();
        int left = taken.Count, most = (int)Math.Min(Math.Min(point.Length - left, ProductsMax), Math.Max(2, KeptFloatsMax / point.Length));
        var random = new SeededRandom(1);
        double[] q = [.. point.Select(_ => random.NextGaussian())];
        Orthogonalize(q, taken);
        q = Scaled(q);
        SpectrumEnds before = default;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            taken.Add(q);
            int count = taken.Count - left;
            double[] next = Product(objective, rows, point, q);
            diagonal.Add(Dot(q, next));
            // Twice is enough.
            Orthogonalize(next, taken);
            Orthogonalize(next, taken);
            double length = Math.Sqrt(Dot(next, next));
            bool isWhole = count >= most || length <= 1e-9 * Math.Abs(diagonal[0]);
            if (isWhole || count % ProductsPerLook == 0)
            {
                var now = new SpectrumEnds(Eigenvalue(diagonal, beside, diagonal.Count - 1), Eigenvalue(diagonal, beside, 0), count);
                if (isWhole || (Near(now.Largest, before.Largest) && Near(now.Smallest, before.Smallest)))
                    return now;
                before = now;
            }
            beside.Add(length);
            q = Scaled(next);
        }
    }

    private static bool Near(double now, double before) => Math.Abs(now - before) <= Tolerance * Math.Abs(now);

    // The eigenvalue of that number, from the smallest, of a symmetric tridiagonal matrix: bisection on the number of eigenvalues below.
    private static double Eigenvalue(List<double> diagonal, List<double> beside, int number)
    {
        double reach = diagonal.Max(Math.Abs) + 2 * beside.DefaultIfEmpty().Max();
        (double low, double high) = (-reach, reach);
        for (int i = 0; i < 100; i++)
        {
            double middle = (low + high) / 2;
            if (CountBelow(diagonal, beside, middle) > number)
                high = middle;
            else
                low = middle;
        }
        return (low + high) / 2;
    }

    private static int CountBelow(List<double> diagonal, List<double> beside, double value)
    {
        int count = 0;
        double pivot = 1;
        for (int i = 0; i < diagonal.Count; i++)
        {
            pivot = diagonal[i] - value - (i == 0 ? 0 : beside[i - 1] * beside[i - 1] / pivot);
            if (pivot == 0)
                pivot = double.Epsilon;
            count += pivot < 0 ? 1 : 0;
        }
        return count;
    }

    private static double[] Product(ReferenceObjective objective, in SparseRows rows, double[] point, double[] v)
    {
        double[] above = objective.Gradient(rows, [.. point.Zip(v, (x, d) => x + Step * d)]), below = objective.Gradient(rows, [.. point.Zip(v, (x, d) => x - Step * d)]);
        return [.. above.Zip(below, (a, b) => (a - b) / (2 * Step))];
    }

    private static void Orthogonalize(double[] vector, List<double[]> basis)
    {
        foreach (double[] one in basis)
        {
            double part = Dot(vector, one);
            for (int i = 0; i < vector.Length; i++)
                vector[i] -= part * one[i];
        }
    }

    private static double Dot(double[] a, double[] b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
            sum += a[i] * b[i];
        return sum;
    }

    private static double[] Scaled(double[] vector)
    {
        double length = Math.Sqrt(Dot(vector, vector));
        return [.. vector.Select(part => part / length)];
    }
}
