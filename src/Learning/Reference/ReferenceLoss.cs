using DistSgd.Learning.Models;

namespace DistSgd.Learning.Reference;

/// <summary>Every loss and its derivative in the scores, in float64, as their definitions say.</summary>
internal static class ReferenceLoss
{
    public static double Scalar(ModelSpec model, double y, double f, out double slope)
    {
        double r = f - y, z = y * f, delta = model.HuberDelta;
        (double loss, slope) = model.Loss switch
        {
            LossKind.Squared => (0.5 * r * r, r),
            LossKind.Huber => Math.Abs(r) <= delta ? (0.5 * r * r, r) : (delta * (Math.Abs(r) - 0.5 * delta), delta * Math.Sign(r)),
            LossKind.Logistic => (Math.Max(0, -z) + Math.Log(1 + Math.Exp(-Math.Abs(z))), -y / (1 + Math.Exp(z))),
            LossKind.Hinge => z < 1 ? (1 - z, -y) : (0, 0),
            LossKind.SquaredHinge => z < 1 ? ((1 - z) * (1 - z), -2 * y * (1 - z)) : (0, 0),
            LossKind.ModifiedHuber => z >= 1 ? (0, 0) : z > 0 ? ((1 - z) * (1 - z), -2 * y * (1 - z)) : (1 - 2 * z, -2 * y),
            LossKind.ModifiedHuberZhang => z >= 1 ? (0, 0) : z >= -1 ? ((1 - z) * (1 - z), -2 * y * (1 - z)) : (-4 * z, -4 * y),
            LossKind.Exponential => -z <= 4 ? (Math.Exp(-z), -y * Math.Exp(-z)) : (Math.Exp(4) * (1 - z - 4), -y * Math.Exp(4)),
            LossKind.Sigmoid => (1 / (1 + Math.Exp(z)), -y / (1 + Math.Exp(z)) / (1 + Math.Exp(-z))),
            _ => throw new ArgumentOutOfRangeException(nameof(model), model.Loss, "This loss is no function of one score."),
        };
        return loss;
    }

    public static double Classes(ModelSpec model, int y, double[] f, double[] slopes)
    {
        switch (model.Loss)
        {
            case LossKind.CrossEntropy:
                double largest = f.Max(), sum = f.Sum(score => Math.Exp(score - largest));
                for (int j = 0; j < f.Length; j++)
                    slopes[j] = Math.Exp(f[j] - largest) / sum - (j == y ? 1 : 0);
                return Math.Log(sum) + largest - f[y];
            case LossKind.WestonWatkins:
                double loss = 0;
                for (int j = 0; j < f.Length; j++)
                {
                    if (j == y || f[j] - f[y] + 1 <= 0)
                        continue;
                    loss += f[j] - f[y] + 1;
                    slopes[j]++;
                    slopes[y]--;
                }
                return loss;
            default:
                return Worst(y, f, slopes, j => j == y ? 0 : model.Loss == LossKind.Tree ? model.Costs[y, j] : model.Margin);
        }
    }

    public static double Sets(ReadOnlySpan<int> own, double[] f, double[] slopes)
    {
        double loss = 0;
        for (int l = 0; l < f.Length; l++)
        {
            double y = own.Contains(l) ? 1 : -1;
            if (y * f[l] >= 1)
                continue;
            loss += 1 - y * f[l];
            slopes[l] = -y;
        }
        return loss;
    }

    public static double Rank(ReadOnlySpan<float> labels, double[] f, double[] slopes)
    {
        double sum = 0;
        long pairs = 0;
        for (int i = 0; i < f.Length; i++)
        {
            for (int j = 0; j < f.Length; j++)
            {
                if (labels[i] <= labels[j])
                    continue;
                pairs++;
                if (1 - (f[i] - f[j]) <= 0)
                    continue;
                sum += 1 - (f[i] - f[j]);
                slopes[i]--;
                slopes[j]++;
            }
        }
        double weight = pairs == 0 ? 0 : (double)f.Length / pairs;
        for (int i = 0; i < slopes.Length; i++)
            slopes[i] *= weight;
        return sum * weight;
    }

    private static double Worst(int y, double[] f, double[] slopes, Func<int, double> cost)
    {
        int worst = y;
        for (int j = 0; j < f.Length; j++)
        {
            if (f[j] + cost(j) > f[worst] + cost(worst))
                worst = j;
        }
        if (worst == y)
            return 0;
        slopes[worst]++;
        slopes[y]--;
        return f[worst] + cost(worst) - f[y];
    }
}
