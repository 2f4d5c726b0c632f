using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace DistSgd.Grpc.Tests;

/// <summary>A root of one's own with a server's and a client's certificate, made once for all tests.</summary>
internal sealed class TestCertificates
{
    private TestCertificates()
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var rootRequest = new CertificateRequest("CN=test root", rootKey, HashAlgorithmName.SHA256);
        rootRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        Root = rootRequest.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        Server = Issue("CN=test server", 1, names =>
        {
            names.AddDnsName("localhost");
            names.AddIpAddress(IPAddress.Loopback);
        });
        Client = Issue("CN=worker-7", 2, names =>
        {
            names.AddDnsName("worker-7.example");
            names.AddUri(new Uri("spiffe://example/worker/7"));
            names.AddIpAddress(IPAddress.Parse("10.0.0.7"));
        });
        ClientWithoutNames = Issue("CN=worker-8", 3, null);
    }

    public static TestCertificates Instance { get; } = new();

    public X509Certificate2 Root { get; }

    public X509Certificate2 Server { get; }

    public X509Certificate2 Client { get; }

    public X509Certificate2 ClientWithoutNames { get; }

    public static global::Grpc.Core.KeyCertificatePair Pair(X509Certificate2 certificate) =>
        new(certificate.ExportCertificatePem(), certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());

    private X509Certificate2 Issue(string subject, byte serial, Action<SubjectAlternativeNameBuilder>? name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        if (name is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            name(names);
            request.CertificateExtensions.Add(names.Build());
        }
        using var bare = request.Create(Root, new DateTimeOffset(Root.NotBefore), new DateTimeOffset(Root.NotAfter), [serial]);
        using var whole = bare.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null);
    }
}
