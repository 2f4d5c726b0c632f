namespace DistSgd.Learning.Preprocessing;

/// <summary>Eigenvalues and eigenvectors of a symmetric matrix by Jacobi's rotations (Golub and Van Loan, Matrix Computations, §8.5), row by row until nothing is left beside the diagonal.</summary>
internal static class SymmetricEigen
{
    private const int SweepsMax = 60;
    private const double Tolerance = 1e-14;

    /// <summary>Solves A V = V diag(λ).</summary>
    /// <param name="matrix">A, symmetric; overwritten.</param>
    /// <param name="cancellationToken">Gives up between rows.</param>
    /// <returns>λ in no order, and V with the eigenvectors as columns.</returns>
    public static (double[] Values, double[,] Vectors) Solve(double[,] matrix, CancellationToken cancellationToken = default)
    {
        int n = matrix.GetLength(0);
        // Vectors are kept as rows: a rotation then runs along memory.
        double[][] a = [.. Enumerable.Range(0, n).Select(i => Enumerable.Range(0, n).Select(j => matrix[i, j]).ToArray())];
        double[][] v = [.. Enumerable.Range(0, n).Select(i => Enumerable.Range(0, n).Select(j => i == j ? 1.0 : 0.0).ToArray())];
        double size = a.Sum(row => row.Sum(x => x * x));
        for (int sweep = 0; sweep < SweepsMax; sweep++)
        {
            double beside = 0;
            for (int p = 0; p < n; p++)
                for (int q = p + 1; q < n; q++) beside += a[p][q] * a[p][q];
            if (beside <= Tolerance * Tolerance * size) break;
            for (int p = 0; p < n; p++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                for (int q = p + 1; q < n; q++) Rotate(a, v, p, q);
            }
        }
        var vectors = new double[n, n];
        for (int k = 0; k < n; k++)
            for (int j = 0; j < n; j++) vectors[j, k] = v[k][j];
        return ([.. Enumerable.Range(0, n).Select(i => a[i][i])], vectors);
    }

    // Makes a[p][q] zero.
    private static void Rotate(double[][] a, double[][] v, int p, int q)
    {
        double apq = a[p][q];
        if (apq == 0) return;
        double theta = (a[q][q] - a[p][p]) / (2 * apq);
        double t = (theta >= 0 ? 1 : -1) / (Math.Abs(theta) + Math.Sqrt((theta * theta) + 1));
        double c = 1 / Math.Sqrt((t * t) + 1), s = t * c;
        double app = a[p][p] - (t * apq), aqq = a[q][q] + (t * apq);
        Turn(a[p], a[q], c, s);
        for (int i = 0; i < a.Length; i++) (a[i][p], a[i][q]) = (a[p][i], a[q][i]);
        (a[p][p], a[q][q], a[p][q], a[q][p]) = (app, aqq, 0, 0);
        Turn(v[p], v[q], c, s);
    }

    private static void Turn(double[] x, double[] y, double c, double s)
    {
        for (int i = 0; i < x.Length; i++) (x[i], y[i]) = ((c * x[i]) - (s * y[i]), (s * x[i]) + (c * y[i]));
    }
}
