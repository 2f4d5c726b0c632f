using DistSgd.Learning.Data;

namespace DistSgd.Trainer.Tests;

/// <summary>L2-regularised logistic regression in float64, solved by Newton's method: what optimisers are held against. The bias is not regularised.</summary>
internal sealed class LogisticOptimum
{
    private readonly double[] _labels;
    private readonly (int Key, double Value)[][] _rows;
    private readonly double _l2;

    public LogisticOptimum(Dataset data, LabelMap labels, double l2)
    {
        _l2 = l2;
        Features = (int)data.FeatureCount;
        _labels = new double[data.RowCount];
        _rows = new (int, double)[data.RowCount][];
        for (int row = 0; row < _rows.Length; row++)
        {
            SparseRow x = data.Row(row);
            _labels[row] = labels.ToLearning(x.Label, row);
            var pairs = new (int, double)[x.Indices.Length + 1];
            for (int n = 0; n < x.Indices.Length; n++)
                pairs[n] = ((int)x.Indices[n], x.Values[n]);
            pairs[^1] = (Features, 1);
            _rows[row] = pairs;
        }
        Least = Value(Solve());
    }

    public int Features { get; }

    /// <summary>The objective's minimum.</summary>
    public double Least { get; }

    /// <summary>How far a model is above the minimum.</summary>
    public double Excess(TrainedModel model) => Value([.. model.Weights.ToArray().Select(weight => (double)weight), model.Bias]) - Least;

    private double Value(double[] at)
    {
        double sum = 0;
        for (int row = 0; row < _rows.Length; row++)
        {
            double z = _labels[row] * Score(row, at);
            sum += Math.Max(0, -z) + Math.Log(1 + Math.Exp(-Math.Abs(z)));
        }
        double square = 0;
        for (int j = 0; j < Features; j++)
            square += at[j] * at[j];
        return sum / _rows.Length + 0.5 * _l2 * square;
    }

    // Newton's steps, halved where they don't descend.
    private double[] Solve()
    {
        int count = Features + 1;
        var at = new double[count];
        for (int iteration = 0; iteration < 50; iteration++)
        {
            double[] gradient = new double[count];
            double[,] hessian = new double[count, count];
            for (int row = 0; row < _rows.Length; row++)
            {
                double p = 1 / (1 + Math.Exp(-Score(row, at))), slope = p - (_labels[row] > 0 ? 1 : 0);
                foreach ((int j, double x) in _rows[row])
                {
                    gradient[j] += slope * x / _rows.Length;
                    foreach ((int k, double y) in _rows[row])
                        hessian[j, k] += p * (1 - p) * x * y / _rows.Length;
                }
            }
            for (int j = 0; j < Features; j++)
            {
                gradient[j] += _l2 * at[j];
                hessian[j, j] += _l2;
            }
            double[] step = Divide(hessian, gradient);
            double before = Value(at), scale = 1;
            double[] next = at;
            for (; scale > 1e-6; scale /= 2)
            {
                next = [.. at.Zip(step, (x, d) => x - scale * d)];
                if (Value(next) <= before)
                    break;
            }
            at = next;
            if (gradient.Sum(part => part * part) < 1e-24)
                break;
        }
        return at;
    }

    private double Score(int row, double[] at)
    {
        double sum = 0;
        foreach ((int j, double x) in _rows[row])
            sum += at[j] * x;
        return sum;
    }

    // H⁻¹g by Cholesky's factors; a feature that never occurs has λ₂ for its curvature.
    private static double[] Divide(double[,] h, double[] g)
    {
        int n = g.Length;
        for (int j = 0; j < n; j++)
        {
            for (int i = j; i < n; i++)
            {
                double sum = h[i, j];
                for (int k = 0; k < j; k++)
                    sum -= h[i, k] * h[j, k];
                h[i, j] = i == j ? Math.Sqrt(sum) : sum / h[j, j];
            }
        }
        double[] x = [.. g];
        for (int i = 0; i < n; i++)
        {
            for (int k = 0; k < i; k++)
                x[i] -= h[i, k] * x[k];
            x[i] /= h[i, i];
        }
        for (int i = n - 1; i >= 0; i--)
        {
            for (int k = i + 1; k < n; k++)
                x[i] -= h[k, i] * x[k];
            x[i] /= h[i, i];
        }
        return x;
    }
}
